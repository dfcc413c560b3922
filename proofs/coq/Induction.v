(* Induction over runs. The provers settle questions about one state or one step; that their answers add up to a
   statement about every state of every run is an induction, which first-order logic cannot state. It is made
   here, for any transition system: what it takes is what the provers are asked, and no more. *)

Section System.

  (* What never changes, and what does: `fixed` and `function`, `relation` in pbft.sexp. *)
  Variables World State : Type.
  (* The names of the axioms, actions, clauses, facts and properties. *)
  Variables AxiomName Action Clause Fact Property : Type.

  Variable axiom : AxiomName -> World -> Prop.
  Variable initial : World -> State -> Prop.
  (* The guard of an action holds in the first state, and its effects lead to the second. *)
  Variable step : Action -> World -> State -> State -> Prop.
  Variable clause : Clause -> World -> State -> Prop.
  Variable fact : Fact -> World -> State -> Prop.
  Variable property : Property -> World -> State -> Prop.

  Definition axioms (w : World) := forall a, axiom a w.
  Definition invariant (w : World) (s : State) := forall c, clause c w s.
  Definition facts (w : World) (s : State) := forall k, fact k w s.

  (* The questions, as src/proof/obligation.rs puts them: one for each clause, one for each action and clause,
     one for each property. *)
  Hypothesis initiation : forall c w s, axioms w -> initial w s -> clause c w s.
  Hypothesis consecution : forall a c w s t,
    axioms w -> invariant w s -> step a w s t -> clause c w t.
  Hypothesis consequence : forall p w s, axioms w -> invariant w s -> property p w s.

  Inductive reachable (w : World) : State -> Prop :=
  | start s : initial w s -> reachable w s
  | next a s t : reachable w s -> step a w s t -> reachable w t.

  Lemma invariant_reachable w s : axioms w -> reachable w s -> invariant w s.
  Proof. intros ax r. induction r; intro c; eauto. Qed.

  Theorem safe p w s : axioms w -> reachable w s -> property p w s.
  Proof. eauto using invariant_reachable. Qed.

  (* The same for the facts that the lemmas of liveness.sexp are given besides the invariant. *)
  Section Facts.
    Hypothesis initiation_facts : forall k w s, axioms w -> initial w s -> fact k w s.
    Hypothesis consecution_facts : forall a k w s t,
      axioms w -> invariant w s -> facts w s -> step a w s t -> fact k w t.

    Theorem facts_reachable w s : axioms w -> reachable w s -> facts w s.
    Proof. intros ax r. induction r; intro k; eauto using invariant_reachable. Qed.
  End Facts.

  (* A run never ends here: one that stops, repeats its last state. *)
  Definition run (w : World) (states : nat -> State) :=
    initial w (states 0) /\
    forall i, states (S i) = states i \/ exists a, step a w (states i) (states (S i)).

  Theorem safe_run p w states : axioms w -> run w states -> forall i, property p w (states i).
  Proof.
    intros ax [init steps] i. apply safe; [ exact ax | ].
    induction i as [| i IH]; [ now constructor | ].
    destruct (steps i) as [-> | [a st]]; [ exact IH | eauto using next ].
  Qed.

  (* What a lemma with (lasts) says of one step, of all that follow. *)
  Inductive later (w : World) (s : State) : State -> Prop :=
  | now : later w s s
  | then_ a t u : later w s t -> step a w t u -> later w s u.

  Theorem lasts (given : World -> State -> Prop) w :
    axioms w ->
    (forall a s t, invariant w s -> given w s -> step a w s t -> given w t) ->
    forall s t, reachable w s -> given w s -> later w s t -> given w t.
  Proof.
    intros ax preserved s t r g l.
    enough (reachable w t /\ given w t) by tauto.
    induction l as [| a t u l [rt gt] st]; [ tauto | ].
    eauto using next, invariant_reachable.
  Qed.

  (* The tie: a program each of whose steps amounts to some actions, none or several, one after the other. What
     holds in every state of the model then holds in every state of the program, as far as its steps were
     looked at. *)
  Section Tie.
    Variable w : World.
    Variable Program : Type.
    Variable begins : Program -> Prop.
    Variable moves : Program -> Program -> Prop.
    (* A relation, no function: of the quorums that decided, a state of the program does not say which. *)
    Variable maps : Program -> State -> Prop.

    Hypothesis begins_tied : forall c, begins c -> exists s, initial w s /\ maps c s.
    Hypothesis moves_tied : forall c d s, maps c s -> moves c d -> exists t, later w s t /\ maps d t.

    Inductive explored : Program -> Prop :=
    | explored_start c : begins c -> explored c
    | explored_next c d : explored c -> moves c d -> explored d.

    Lemma later_reachable s t : reachable w s -> later w s t -> reachable w t.
    Proof. intros r l. induction l; eauto using next. Qed.

    Theorem tied p c : axioms w -> explored c -> exists s, maps c s /\ property p w s.
    Proof.
      intros ax e. enough (exists s, maps c s /\ reachable w s) as [s [m r]] by eauto using safe.
      induction e as [c b | c d _ [s [m r]] mv].
      - destruct (begins_tied c b) as [s [i m]]. eauto using start.
      - destruct (moves_tied c d s m mv) as [t [l mt]]. eauto using later_reachable.
    Qed.
  End Tie.

End System.
