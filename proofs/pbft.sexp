; PBFT as a transition system: the one source of everything in this directory.
;
; From this file the obligations are printed for the provers, the mutants are made, and the runs are
; replayed on finite structures. The notation is that of SMT-LIB, with a few forms of our own:
;
;   (sort S "what it is")                 a set that may have any size
;   (fixed R (S ...) "...")               a relation that never changes
;   (function g (S ...) T "...")          a function that never changes
;   (constant c S "...")                  an element
;   (relation R (S ...) "...")            a part of the state; empty at first
;   (define (R (x S) ...) F)              an abbreviation, expanded where it is used
;   (axiom NAME "..." F)                  what is assumed of the fixed part
;   (action NAME ((x S) ...) "..." (rules M ...) (guard F ...) (effect E ...))
;                                         a step; M are the methods of trait Rules that it stands for
;   (clause NAME "..." F)                 a part of the invariant
;   (safety NAME "..." F)                 what is to be shown; follows from the clauses
;   (outside M "...")                     a method of Rules that no action stands for, and why
;
; In a guard, (check NAME F) is F; a mutant leaves it out. In an effect, a mutant that leaves a check
; out does not do what the check says. The effects E of an action are
;
;   (add ((x S) ...) (R t ...) F)         R becomes true of all t for which F
;   (remove ((x S) ...) (R t ...))        R becomes false of all t
;   (may ((x S) ...) (R t ...) F G)       R becomes true of all t for which G, and of any t for which F
;
; with the variables and F left out where there are none. What no effect names stays as it was.

; ---------------------------------------------------------------------------------------------------
; What there is
; ---------------------------------------------------------------------------------------------------

(sort Node   "a replica")
(sort Quorum "a set of replicas, large enough that any two share an honest one")
(sort Weak   "a set of replicas, large enough to hold an honest one: f + 1")
(sort View   "a view")
(sort Slot   "a sequence number")
(sort Value  "the digest of a batch; the null request is one of them")

(fixed honest  (Node)        "the replica follows the protocol; all others are Byzantine")
(fixed in      (Node Quorum) "is a member of the quorum")
(fixed in-weak (Node Weak)   "is a member of the weak quorum")
(fixed <=      (View View)   "is the same view or an earlier one")
(fixed valid   (Value)       "every request in the batch was signed by its client")
(function leader (View) Node "the primary of the view (Rules::primary)")
(constant first View         "the view in which all replicas start")
(constant null Value         "the null request")

(define (< (u View) (v View)) (and (<= u v) (not (= u v))))

; Quorum arithmetic, for all n and f, is in quorums.sexp; nothing else is known of n and f here.
(axiom quorums-meet "any two quorums share an honest replica"
  (forall ((P Quorum) (Q Quorum))
    (exists ((m Node)) (and (honest m) (in m P) (in m Q)))))
(axiom weak-honest "a weak quorum holds an honest replica"
  (forall ((W Weak)) (exists ((m Node)) (and (honest m) (in-weak m W)))))

(axiom null-valid "the null request needs no client"
  (valid null))

(axiom order-reflexive "views are ordered"
  (forall ((u View)) (<= u u)))
(axiom order-antisymmetric "views are ordered"
  (forall ((u View) (v View)) (=> (and (<= u v) (<= v u)) (= u v))))
(axiom order-transitive "views are ordered"
  (forall ((u View) (v View) (w View)) (=> (and (<= u v) (<= v w)) (<= u w))))
(axiom order-total "views are ordered"
  (forall ((u View) (v View)) (or (<= u v) (<= v u))))
(axiom order-least "no view comes before the first"
  (forall ((v View)) (<= first v)))

; ---------------------------------------------------------------------------------------------------
; The state
; ---------------------------------------------------------------------------------------------------

; Messages. They are never unsaid: a message that was sent may be delivered at any later time, twice or
; never, so the network needs no state of its own.
(relation pp    (Slot View Value)      "the primary of the view signed PRE-PREPARE")
(relation prep  (Node Slot View Value) "the replica signed PREPARE")
(relation com   (Node Slot View Value) "the replica signed COMMIT")
(relation ck    (Node Slot Value)      "the replica signed a CHECKPOINT of a state in which that value was executed there")
(relation vc    (Node View)            "the replica signed VIEW-CHANGE to the view")
(relation vcge  (Node View Slot View)  "that VIEW-CHANGE carries, for the slot, a certificate of the last view or a later one")
(relation vclow (Node View Slot)       "that VIEW-CHANGE reports a stable checkpoint at the slot or above it")

; What a replica remembers.
(relation left  (Node View)       "the replica's view is beyond this one")
(relation took  (Node Slot View)  "the replica holds a proposal that it accepted as a backup; dropped with the slot")
(relation low   (Node Slot)       "the slot is at or below the replica's low watermark")
(relation known (Node Slot Value) "the replica has decided the value there, or got it with a checkpoint")

; What nobody stores: the history, as far as the invariant speaks of it.
(relation acc    (Slot View Value)        "some honest replica accepted or proposed the value")
(relation prepd  (Slot View Value)        "some honest replica held a prepared certificate for the value")
(relation chosen (Slot View Value Quorum) "some honest replica decided on the COMMITs of the quorum")
(relation kn     (Slot Value)             "some honest replica decided the value")

(define (voted (n Node) (s Slot) (v View) (x Value))
  (or (prep n s v x) (and (= n (leader v)) (pp s v x))))

; A prepared certificate: a primary's PRE-PREPARE is its vote. Anybody who has seen the votes can make one,
; so that it exists is all there is to know about it.
(define (cert (s Slot) (v View) (x Value) (Q Quorum))
  (forall ((m Node)) (=> (in m Q) (voted m s v x))))

; What may be proposed in a view. A new view is justified by the VIEW-CHANGEs of a quorum. What Byzantine
; members of it report is left out: reports of theirs can only forbid more, and the certificate that is
; taken must be valid whoever carries it.
(define (follows (s Slot) (v View) (x Value))
  (or (check first-view (= v first))
      (exists ((Q Quorum))
        (and
          (check quorum-moved
            (forall ((m Node)) (=> (and (in m Q) (honest m)) (vc m v))))
          (check not-truncated
            (forall ((m Node)) (=> (and (in m Q) (honest m)) (not (vclow m v s)))))
          (or
            (check nothing-reported
              (forall ((m Node) (w View)) (=> (and (in m Q) (honest m)) (not (vcge m v s w)))))
            (exists ((u View) (P Quorum))
              (and
                (check earlier (< u v))
                (check certified (cert s u x P))
                (check highest
                  (forall ((m Node) (w View))
                    (=> (and (in m Q) (honest m) (vcge m v s w)) (<= w u)))))))))))

; ---------------------------------------------------------------------------------------------------
; The steps
; ---------------------------------------------------------------------------------------------------

(action propose ((s Slot) (v View) (x Value))
  "The primary assigns the slot: in the first view freely, in a later one as its view changes allow."
  (rules primary may_propose view_change_quorum justifies select new_view_start new_view_batches may_propose_null
         sift follows authentic)
  (guard
    (honest (leader v))
    (check authentic (valid x))
    (check in-view (not (left (leader v) v)))
    (check one-proposal (forall ((y Value)) (not (pp s v y))))
    (follows s v x))
  (effect
    (add (pp s v x))
    (add (acc s v x))))

(action prepare ((n Node) (s Slot) (v View) (x Value))
  "A backup accepts the primary's proposal, by itself or in a NEW-VIEW, and votes for it."
  (rules may_propose may_prepare digest_matches accepts_second_proposal admits_view in_window
         check_new_view check_view_change check_prepared justifies select new_view_start new_view_batches
         view_change_quorum authentic)
  (guard
    (honest n)
    (check authentic (valid x))
    (check backup (not (= n (leader v))))
    (check proposed (pp s v x))
    (check in-view (not (left n v)))
    (check first-vote (not (took n s v)))
    (check above-low (not (low n s)))
    (follows s v x))
  (effect
    (add (prep n s v x))
    (add (took n s v))
    (add (acc s v x))))

(action commit ((n Node) (s Slot) (v View) (x Value) (Q Quorum))
  "A replica holds a prepared certificate for what it accepted."
  (rules prepare_quorum prepare_key counts_vote may_prepare admits_view in_window quorum)
  (guard
    (honest n)
    (check in-view (not (left n v)))
    (check above-low (not (low n s)))
    (check accepted (voted n s v x))
    (check certified (cert s v x Q)))
  (effect
    (add (com n s v x))
    (add (prepd s v x))))

(action decide ((n Node) (s Slot) (v View) (x Value) (Q Quorum))
  "A replica that has prepared a value decides it on a quorum of COMMITs."
  (rules commit_quorum commit_key counts_vote decides_unprepared admits_view in_window quorum)
  (guard
    (honest n)
    (check in-view (not (left n v)))
    (check above-low (not (low n s)))
    (check prepared (com n s v x))
    (check committed (forall ((m Node)) (=> (in m Q) (com m s v x)))))
  (effect
    (add (known n s x))
    (add (kn s x))
    (add (chosen s v x Q))))

(action learn ((n Node) (s Slot) (v View) (x Value) (Q Quorum))
  "A replica is shown the COMMITs of a quorum, of whichever view, with the state that it lacks."
  (rules check_decision check_state)
  (guard
    (honest n)
    (check committed (forall ((m Node)) (=> (in m Q) (com m s v x)))))
  (effect
    (add (known n s x))
    (add (kn s x))
    (add (chosen s v x Q))))

(action checkpoint ((n Node) (s Slot) (x Value))
  "A replica vouches for what it has executed; a CHECKPOINT does so for every slot up to its own."
  (rules is_next)
  (guard
    (honest n)
    (check executed (known n s x)))
  (effect
    (add (ck n s x))))

(action adopt ((n Node) (s Slot) (x Value) (W Weak))
  "A replica that has fallen behind takes over a state for which f + 1 replicas vouch."
  (rules check_stable check_state)
  (guard
    (honest n)
    (check vouched (forall ((m Node)) (=> (in-weak m W) (ck m s x)))))
  (effect
    (add (known n s x))))

(action truncate ((n Node) (s Slot) (x Value) (Q Quorum))
  "A replica discards a slot below a stable checkpoint, executed so far or not, and with it the memory of its votes there."
  (rules check_stable checkpoint_quorum counts_vote)
  (guard
    (honest n)
    (check stable (forall ((m Node)) (=> (in m Q) (ck m s x)))))
  (effect
    (add (low n s))
    (remove ((v View)) (took n s v))))

(action view-change ((n Node) (v View))
  "A replica gives up its view and reports what prepared at it above its stable checkpoint."
  (rules reports_prepared keeps_prepared certificate_quorum join)
  (guard
    (honest n)
    (check onward (not (left n v)))
    (check once (not (vc n v))))
  (effect
    (add (vc n v))
    (add ((u View)) (left n u) (check leaves (< u v)))
    (add ((s Slot)) (vclow n v s) (check reports-low (low n s)))
    (may ((s Slot) (w View)) (vcge n v s w) true
      (check reports-prepared
        (exists ((u View) (x Value))
          (and (<= w u) (< u v) (com n s u x) (not (low n s))))))))

(action join ((n Node) (v View))
  "A replica enters a view for which it signed no VIEW-CHANGE: it takes a NEW-VIEW."
  (rules check_new_view)
  (guard
    (honest n)
    (check onward (not (left n v))))
  (effect
    (add ((u View)) (left n u) (< u v))))

(action byzantine ((b Node))
  "A Byzantine replica sends whatever it likes, in its own name only."
  (rules)
  (guard
    (check own-name (not (honest b))))
  (effect
    (may ((s Slot) (v View) (x Value)) (pp s v x) (= b (leader v)))
    (may ((s Slot) (v View) (x Value)) (prep b s v x) true)
    (may ((s Slot) (v View) (x Value)) (com b s v x) true)
    (may ((s Slot) (x Value)) (ck b s x) true)
    (may ((v View)) (vc b v) true)
    (may ((v View) (s Slot) (w View)) (vcge b v s w) true)
    (may ((v View) (s Slot)) (vclow b v s) true)))

(outside authentic_at "who else can verify a request is a matter of liveness: here it is authentic or it is not")
(outside serves_reads "reads change nothing that is agreed on")
(outside reply_quorum "what a client believes is not a matter of agreement among replicas")
(outside read_quorum "as reply_quorum")
(outside reply_key "as reply_quorum")
(outside persists "no amnesia: what a crash forgets counts as Byzantine")
(outside runs_timer "a timer may run out at any time here: whether it runs matters to liveness")
(outside leaves_prepared "a replica may stay in its view for ever here: whether it must leave matters to liveness")
(outside retransmits "what is sent can be delivered at any time here, also again")
(outside executes "what the executed batches do to the service is a function of their order")
(outside verifies "what an honest replica has signed is what the relations hold of it: nobody can sign for it")
(outside prepare_counts_as_commit "a PREPARE is no COMMIT: they are relations of their own")
(outside advances "a view that was left is not entered again: left only grows")
(outside restarts_timer "as runs_timer")

; ---------------------------------------------------------------------------------------------------
; The invariant
; ---------------------------------------------------------------------------------------------------

(clause one-vote "an honest replica votes for one value in a view at a slot"
  (forall ((n Node) (s Slot) (v View) (x Value) (y Value))
    (=> (and (honest n) (voted n s v x) (voted n s v y)) (= x y))))

; Safety does not need it (mutants.md); it is stated because E finds its proofs with it.
(clause primary-prepares-not "an honest primary sends no PREPARE"
  (forall ((n Node) (s Slot) (v View) (x Value))
    (=> (and (honest n) (prep n s v x)) (not (= n (leader v))))))

(clause vote-remembered "a backup that voted remembers it, or has truncated the slot"
  (forall ((n Node) (s Slot) (v View) (x Value))
    (=> (and (honest n) (prep n s v x)) (or (took n s v) (low n s)))))

(clause vote-proposed "a backup votes for what the primary proposed"
  (forall ((n Node) (s Slot) (v View) (x Value))
    (=> (and (honest n) (prep n s v x)) (pp s v x))))

(clause vote-accepted "what an honest replica voted for was accepted"
  (forall ((n Node) (s Slot) (v View) (x Value))
    (=> (and (honest n) (voted n s v x)) (acc s v x))))

(clause accepted-valid "only batches of authentic requests are accepted"
  (forall ((s Slot) (v View) (x Value))
    (=> (acc s v x) (valid x))))

(clause commit-prepared "what an honest replica committed had prepared"
  (forall ((n Node) (s Slot) (v View) (x Value))
    (=> (and (honest n) (com n s v x)) (prepd s v x))))

(clause prepared-voted "what prepared has an honest voter in every quorum"
  (forall ((s Slot) (v View) (x Value) (Q Quorum))
    (=> (prepd s v x) (exists ((m Node)) (and (honest m) (in m Q) (voted m s v x))))))

(clause prepared-unique "at most one value prepares in a view at a slot"
  (forall ((s Slot) (v View) (x Value) (y Value))
    (=> (and (prepd s v x) (prepd s v y)) (= x y))))

(clause change-leaves "a VIEW-CHANGE is a promise to vote in no earlier view"
  (forall ((n Node) (v View) (u View))
    (=> (and (honest n) (vc n v) (< u v)) (left n u))))

(clause change-reports "a VIEW-CHANGE reports every commit of its sender above its stable checkpoint"
  (forall ((n Node) (s Slot) (v View) (u View) (y Value))
    (=> (and (honest n) (vc n v) (< u v) (com n s u y))
        (or (vcge n v s u) (vclow n v s)))))

; The heart: whatever is accepted in a view, no other value can be decided in an earlier one any more.
(clause locked "once a value is accepted, every quorum holds an honest replica that will never commit another value in an earlier view"
  (forall ((s Slot) (v View) (x Value) (u View) (y Value) (Q Quorum))
    (=> (and (acc s v x) (< u v) (not (= x y)))
        (exists ((m Node)) (and (honest m) (in m Q) (left m u) (not (com m s u y)))))))

(clause decided-committed "the quorum of a decision did commit"
  (forall ((s Slot) (v View) (x Value) (Q Quorum) (m Node))
    (=> (and (chosen s v x Q) (honest m) (in m Q)) (com m s v x))))

(clause known-decided "what an honest replica knows was decided"
  (forall ((n Node) (s Slot) (x Value))
    (=> (and (honest n) (known n s x)) (kn s x))))

(clause vouched-known "an honest replica vouches for what it knows"
  (forall ((n Node) (s Slot) (x Value))
    (=> (and (honest n) (ck n s x)) (known n s x))))

(clause decided-chosen "what was decided was decided by a quorum in a view"
  (forall ((s Slot) (x Value))
    (=> (kn s x) (exists ((v View) (Q Quorum)) (chosen s v x Q)))))

; ---------------------------------------------------------------------------------------------------
; What is to be shown
; ---------------------------------------------------------------------------------------------------

(safety agreement "no two honest replicas decide different values at a slot"
  (forall ((n Node) (m Node) (s Slot) (x Value) (y Value))
    (=> (and (honest n) (honest m) (known n s x) (known m s y)) (= x y))))

(safety external-validity "what an honest replica decides holds no request that its client did not sign"
  (forall ((n Node) (s Slot) (x Value))
    (=> (and (honest n) (known n s x)) (valid x))))

(safety validity "what an honest replica decides was proposed by the primary of some view"
  (forall ((n Node) (s Slot) (x Value))
    (=> (and (honest n) (known n s x)) (exists ((v View)) (pp s v x)))))
