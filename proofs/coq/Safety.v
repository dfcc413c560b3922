(* All together: what the provers are asked, and nothing else, makes PBFT safe in every reachable state of every
   committee of n >= 3f + 1 replicas.

   Model is printed from ../pbft.sexp by src/proof/coq.rs when these files are checked. The three hypotheses at the
   end are the questions to the provers, one for each name: each is answered `unsat` by z3, cvc5 and E. *)

From Coq Require Import Arith Lia List.
Require Import Induction Quorums Model.

Section Committee.
  Variables Node Slot Value : Type.
  Variable replicas : list Node.
  Variable honest : Node -> bool.
  Variable f : nat.
  Hypothesis faulty : size Node replicas (fun x => negb (honest x)) <= f.
  Hypothesis enough : 3 * f + 1 <= length replicas.

  Variable primary : nat -> Node.
  Variable valid : Value -> Prop.
  Variable null : Value.
  Hypothesis null_valid : valid null.

  (* Views are numbers; quorums and weak quorums are sets of replicas, large enough. *)
  Let Quorum := set_of Node replicas (quorum (length replicas) f).
  Let Weak := set_of Node replicas (weak_quorum f).
  Let View := nat.

  Definition committee : World Node Quorum Weak View Value := {|
    Model.honest x := honest x = true;
    Model.in_ := is_in Node replicas;
    Model.in_weak := is_in Node replicas;
    Model.le := Nat.le;
    Model.valid := valid;
    Model.leader := primary;
    Model.first := 0;
    Model.null := null
  |}.

  (* The axioms are theorems. *)
  Lemma axioms_hold name : axiom _ _ _ _ _ name committee.
  Proof.
    destruct name; cbn; try (unfold View, Nat.le in *; intros; lia).
    - apply quorums_meet with (f := f); [ exact faulty | now apply meets_quorum with (honest := honest) ].
    - now apply weak_honest.
    - exact null_valid.
  Qed.

  Let W := World Node Quorum Weak View Value.
  Let S := State Node Quorum View Slot Value.
  Let axioms (w : W) := forall name, axiom _ _ _ _ _ name w.
  Let invariant (w : W) (s : S) := forall name, clause _ _ _ _ _ _ name w s.

  Hypothesis initiation : forall name (w : W) (s : S),
    axioms w -> initial _ _ _ _ _ _ w s -> clause _ _ _ _ _ _ name w s.
  Hypothesis consecution : forall action name (w : W) (s t : S),
    axioms w -> invariant w s -> step _ _ _ _ _ _ action w s t -> clause _ _ _ _ _ _ name w t.
  Hypothesis consequence : forall name (w : W) (s : S),
    axioms w -> invariant w s -> property _ _ _ _ _ _ name w s.

  Theorem pbft_safe name s :
    reachable W S action_name (initial _ _ _ _ _ _) (step _ _ _ _ _ _) committee s ->
    property _ _ _ _ _ _ name committee s.
  Proof. exact (safe _ _ _ _ _ _ _ _ _ _ _ initiation consecution consequence name committee s axioms_hold). Qed.

  (* Agreement, spelt out. *)
  Corollary agreement s :
    reachable W S action_name (initial _ _ _ _ _ _) (step _ _ _ _ _ _) committee s ->
    forall n m slot x y, honest n = true -> honest m = true ->
    known _ _ _ _ _ s n slot x -> known _ _ _ _ _ s m slot y -> x = y.
  Proof.
    intros r n m slot x y hn hm kn km.
    refine (pbft_safe property_agreement s r n m slot x y _). cbn. auto.
  Qed.
End Committee.
