; Quorum arithmetic, for all n and f: why the two quorum axioms of pbft.sexp hold, and where they would not.
; All variables are integers. The notation is that of SMT-LIB:
;
;   (define (F x ...) T)                      a function, as in pbft::Committee; a test compares the two
;   (lemma NAME "..." (x ...) (given F ...) (then F ...))

(define (quorum n f) (div (+ n f 2) 2))
(define (weak-quorum n f) (+ f 1))

; Two sets of replicas and the Byzantine ones cut the committee into eight parts. Their sizes say
; everything about how the sets can meet: ah is the number of honest replicas in the first set only,
; bb of Byzantine ones in the second only, mh and mb of those in both, oh and ob of those in neither.

(lemma quorums-meet "any two quorums share an honest replica"
  (n f ah ab bh bb mh mb oh ob)
  (given
    (>= f 0) (>= n (+ (* 3 f) 1))
    (>= ah 0) (>= ab 0) (>= bh 0) (>= bb 0) (>= mh 0) (>= mb 0) (>= oh 0) (>= ob 0)
    (= n (+ ah ab bh bb mh mb oh ob))
    (<= (+ ab bb mb ob) f)
    (>= (+ ah ab mh mb) (quorum n f))
    (>= (+ bh bb mh mb) (quorum n f)))
  (then (>= mh 1)))

(lemma weak-honest "a weak quorum holds an honest replica"
  (n f h b)
  (given (>= f 0) (>= n (+ (* 3 f) 1)) (>= h 0) (>= b 0) (<= b f) (>= (+ h b) (weak-quorum n f)))
  (then (>= h 1)))

(lemma quorum-holds-weak "what a quorum vouches for, f + 1 replicas do"
  (n f)
  (given (>= f 0) (>= n (+ (* 3 f) 1)))
  (then (>= (quorum n f) (weak-quorum n f))))

(lemma honest-suffice "the honest replicas alone make a quorum"
  (n f)
  (given (>= f 0) (>= n (+ (* 3 f) 1)))
  (then (<= (quorum n f) (- n f))))

(lemma as-in-the-paper "with n = 3f + 1 a quorum is 2f + 1"
  (n f)
  (given (>= f 0) (= n (+ (* 3 f) 1)))
  (then (= (quorum n f) (+ (* 2 f) 1))))

(lemma n-minus-f "n - f is a safe quorum too"
  (n f)
  (given (>= f 0) (>= n (+ (* 3 f) 1)))
  (then (>= (- n f) (quorum n f))))

; Two sets of one size q that share as little as they can, and of that only Byzantine replicas: b of
; them. The claim is that such a choice exists: all eight parts are then of sizes that are possible.

(lemma least-quorum "no smaller quorum would do: two sets with one replica less can share Byzantine ones only"
  (n f q b)
  (given
    (>= f 0) (>= n (+ (* 3 f) 1))
    (= q (- (quorum n f) 1))
    (= b (ite (>= (- (* 2 q) n) 0) (- (* 2 q) n) 0)))
  (then (<= b f) (>= (- q b) 0) (>= (- n (+ b (* 2 (- q b)))) 0)))

(lemma fixed-quorum-unsafe "2f + 1 is no quorum when n > 3f + 1: two such sets can share Byzantine replicas only"
  (n f q b)
  (given
    (>= f 0) (> n (+ (* 3 f) 1))
    (= q (+ (* 2 f) 1))
    (= b (ite (>= (- (* 2 q) n) 0) (- (* 2 q) n) 0)))
  (then (<= b f) (>= (- q b) 0) (>= (- n (+ b (* 2 (- q b)))) 0)))

(lemma three-f-plus-one "with fewer replicas no quorum size is both safe and reachable"
  (n f q)
  (given (>= f 0) (<= q (- n f)) (>= (- (* 2 q) n) (+ f 1)))
  (then (>= n (+ (* 3 f) 1))))
