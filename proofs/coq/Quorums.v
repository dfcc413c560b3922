(* From sizes to sets: the sorts Quorum and Weak of pbft.sexp stand for sets of replicas of certain sizes, and what
   its two axioms say of them are theorems about finite sets, for every n and f. (quorums.sexp settles the arithmetic
   alone, about parts whose sizes add up.) *)

From Coq Require Import Arith Bool Lia List.
Import ListNotations.

(* As in pbft::Committee. *)
Definition quorum (n f : nat) := (n + f + 2) / 2.
Definition weak_quorum (f : nat) := f + 1.

Lemma quorum_bounds n f : n + f + 1 <= 2 * quorum n f <= n + f + 2.
Proof.
  unfold quorum.
  pose proof (Nat.div_mod (n + f + 2) 2). pose proof (Nat.mod_upper_bound (n + f + 2) 2). lia.
Qed.

Section Sets.
  Context {Node : Type}.

  (* How many of a list are in a set. *)
  Definition count (P : Node -> bool) (l : list Node) := length (filter P l).

  Definition both (P Q : Node -> bool) (x : Node) := P x && Q x.

  Lemma count_both P Q l : count P l + count Q l <= count (both P Q) l + length l.
  Proof.
    unfold count, both. induction l as [| x l IH]; [ auto | ].
    simpl. destruct (P x), (Q x); simpl; lia.
  Qed.

  Lemma count_not P l : count P l + count (fun x => negb (P x)) l = length l.
  Proof.
    unfold count. induction l as [| x l IH]; [ auto | ].
    simpl. destruct (P x); simpl; lia.
  Qed.

  Lemma count_positive P l : 1 <= count P l -> exists x, P x = true.
  Proof.
    unfold count. destruct (filter P l) as [| x r] eqn:E; simpl; [ lia | ].
    intros _. exists x. apply (filter_In P x l). rewrite E. now left.
  Qed.
End Sets.

Section Committee.
  (* The replicas, each listed once, of which at most f are not honest. *)
  Variable Node : Type.
  Variable replicas : list Node.
  Variable honest : Node -> bool.
  Variable f : nat.

  Let n := length replicas.
  Definition size (P : Node -> bool) := count P replicas.

  Hypothesis faulty : size (fun x => negb (honest x)) <= f.

  (* Sets of at least q replicas. *)
  Definition set_of (q : nat) := { P : Node -> bool | q <= size P }.
  Definition is_in {q : nat} (x : Node) (P : set_of q) := proj1_sig P x = true.

  (* What has to be asked of the sizes of quorums. *)
  Definition meets (q : nat) := n + f + 1 <= 2 * q.

  Theorem quorums_meet q : meets q -> forall P Q : set_of q,
    exists m, honest m = true /\ is_in m P /\ is_in m Q.
  Proof.
    unfold meets, is_in. intros large [P p] [Q q']. simpl.
    pose proof (count_both P Q replicas).
    pose proof (count_both honest (both P Q) replicas).
    pose proof (count_not honest replicas).
    destruct (count_positive (both honest (both P Q)) replicas) as [m inside].
    - unfold size, n in *. lia.
    - exists m. unfold both in inside. now rewrite !andb_true_iff in inside.
  Qed.

  Theorem weak_honest (W : set_of (weak_quorum f)) : exists m, honest m = true /\ is_in m W.
  Proof.
    unfold is_in. destruct W as [W w]. simpl.
    pose proof (count_both honest W replicas).
    pose proof (count_not honest replicas).
    destruct (count_positive (both honest W) replicas) as [m inside].
    - unfold size, weak_quorum in *. lia.
    - exists m. unfold both in inside. now rewrite andb_true_iff in inside.
  Qed.

  Hypothesis enough : 3 * f + 1 <= n.

  (* The sizes that are in use: that of the code, n - f, and the paper's. *)
  Theorem meets_quorum : meets (quorum n f).
  Proof. pose proof (quorum_bounds n f). unfold meets. lia. Qed.

  Theorem meets_n_minus_f : meets (n - f).
  Proof. unfold meets. lia. Qed.

  Theorem meets_paper : n = 3 * f + 1 -> meets (2 * f + 1).
  Proof. unfold meets. lia. Qed.

  (* The honest replicas alone are a quorum. *)
  Theorem honest_suffice : quorum n f <= size honest.
  Proof.
    pose proof (quorum_bounds n f). pose proof (count_not honest replicas).
    unfold size, n in *. lia.
  Qed.
End Committee.

(* Nothing less would do: sets of a size that does not meet need not share an honest replica, for any n and f. *)
Section Small.
  Let numbers (n : nat) := seq 0 n.
  Let range (a b x : nat) := (a <=? x) && (x <? b).

  Lemma count_range a b n : count (range a b) (numbers n) = Nat.min b n - Nat.min a n.
  Proof.
    unfold count, numbers, range. induction n as [| n IH]; [ simpl; lia | ].
    rewrite seq_S, filter_app, app_length, IH. simpl.
    destruct (Nat.leb_spec a n), (Nat.ltb_spec n b); simpl; lia.
  Qed.

  Theorem small_quorum_unsafe n f q : q <= n -> 2 * q < n + f + 1 ->
    exists P Q honest : nat -> bool,
      q <= size nat (numbers n) P /\
      q <= size nat (numbers n) Q /\
      size nat (numbers n) (fun x => negb (honest x)) <= f /\
      forall x, P x = true -> Q x = true -> honest x = false.
  Proof.
    intros possible small. unfold size.
    (* The first q and the last q share at most f, and those are the Byzantine ones. *)
    exists (range 0 q), (range (n - q) n), (fun x => negb (range (n - q) q x)).
    rewrite !count_range. repeat split; try lia.
    - unfold count. erewrite filter_ext; [ | intro; apply negb_involutive ].
      fold (count (range (n - q) q) (numbers n)). rewrite count_range. lia.
    - unfold range. intros x p q'. rewrite negb_false_iff, !andb_true_iff in *. tauto.
  Qed.

  (* So the paper's 2f + 1 is no quorum when n > 3f + 1. *)
  Corollary fixed_quorum_unsafe n f : 3 * f + 1 < n ->
    exists P Q honest : nat -> bool,
      2 * f + 1 <= size nat (numbers n) P /\
      2 * f + 1 <= size nat (numbers n) Q /\
      size nat (numbers n) (fun x => negb (honest x)) <= f /\
      forall x, P x = true -> Q x = true -> honest x = false.
  Proof. intros large. apply small_quorum_unsafe; lia. Qed.
End Small.
