; Lemmas for liveness: in a view that lasts and whose primary is honest, nothing blocks. That views come
; to last is not proved here; README.md says what is missing.
;
;   (fact NAME "..." F)            inductive like a clause, but needed by the lemmas only
;   (lemma NAME "..." ((x S) ...) (given F ...) (then F ...))
;   (lemma NAME "..." ((x S) ...) (given F ...) (lasts))    no action makes what is given false
;   (can ACTION t ...)             the guard of that action
;
; Throughout, H is a quorum of honest replicas (quorums.sexp: honest-suffice), and the messages that honest
; replicas sent have arrived, which is what a guard over all messages says.

(fact commit-certified "the certificate behind a commit still exists"
  (forall ((n Node) (s Slot) (v View) (x Value))
    (=> (and (honest n) (com n s v x)) (exists ((P Quorum)) (cert s v x P)))))

(fact took-voted "a backup that remembers a proposal voted for it"
  (forall ((n Node) (s Slot) (v View))
    (=> (and (honest n) (took n s v)) (exists ((x Value)) (prep n s v x)))))

(lemma justification-lasts "what justifies a proposal cannot be taken back"
  ((s Slot) (v View) (x Value))
  (given (follows s v x))
  (lasts))

; Of finitely many reports one is of the highest view. That is a fact about finite sets, which first-order
; logic cannot state; it enters as what is given of m, u and y.
(lemma can-propose "the primary can propose at every slot that no view change of an honest quorum reports as truncated"
  ((s Slot) (v View) (H Quorum) (m Node) (u View) (y Value))
  (given
    (honest (leader v))
    (not (left (leader v) v))
    (forall ((z Value)) (not (pp s v z)))
    (forall ((n Node)) (=> (in n H) (and (honest n) (vc n v) (not (vclow n v s)))))
    (or (forall ((n Node) (w View)) (=> (in n H) (not (vcge n v s w))))
        (and (in m H) (< u v) (com m s u y)
             (forall ((n Node) (w View)) (=> (and (in n H) (vcge n v s w)) (<= w u))))))
  (then (exists ((x Value)) (can propose s v x))))

(lemma can-prepare "every honest backup in the view votes for the proposal, unless it has"
  ((n Node) (s Slot) (v View) (x Value))
  (given
    (honest (leader v)) (pp s v x) (follows s v x)
    (honest n) (not (= n (leader v))) (not (left n v)) (not (low n s)))
  (then (or (voted n s v x) (can prepare n s v x))))

(lemma can-commit "when an honest quorum has voted, each of its members can commit"
  ((n Node) (s Slot) (v View) (x Value) (H Quorum))
  (given
    (forall ((m Node)) (=> (in m H) (and (honest m) (voted m s v x))))
    (in n H) (not (left n v)) (not (low n s)))
  (then (can commit n s v x H)))

(lemma can-decide "when an honest quorum has committed, each of its members can decide"
  ((n Node) (s Slot) (v View) (x Value) (H Quorum))
  (given
    (forall ((m Node)) (=> (in m H) (and (honest m) (com m s v x))))
    (in n H) (not (left n v)) (not (low n s)))
  (then (can decide n s v x H)))

(lemma quiescent-decided "if no member of an honest quorum can take a step that it has not taken, all have decided"
  ((s Slot) (v View) (x Value) (H Quorum))
  (given
    (honest (leader v)) (pp s v x) (follows s v x)
    (forall ((n Node)) (=> (in n H) (and (honest n) (not (left n v)) (not (low n s)))))
    (forall ((n Node)) (=> (and (in n H) (can prepare n s v x)) (prep n s v x)))
    (forall ((n Node) (Q Quorum)) (=> (and (in n H) (can commit n s v x Q)) (com n s v x)))
    (forall ((n Node) (Q Quorum)) (=> (and (in n H) (can decide n s v x Q)) (known n s x))))
  (then (forall ((n Node)) (=> (in n H) (known n s x)))))
