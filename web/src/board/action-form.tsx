import { useId, useState, type ReactNode } from 'react';
import { Failure, Refusals } from '../shared/states';
import type { Outcome } from '../shared/use-action';

export interface ActionFormProps {
  /** Label of the button that opens the form, and of the one that submits it. */
  readonly name: string;
  readonly confirm: string;
  /** The effect, in a sentence. */
  readonly what: string;
  readonly danger?: boolean;
  /** The form's inputs. */
  readonly children?: ReactNode;
  /** Runs the action; null while an input is missing or wrong. */
  readonly act: ((form: FormData) => Promise<Outcome>) | null;
}

/** A button that opens a small form in its place: the effect, the inputs, and a second button that submits. */
export function ActionForm({ name, confirm, what, danger = false, children, act }: ActionFormProps) {
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const title = useId();
  const submit = async (form: FormData) => {
    if (!act) return;
    setBusy(true);
    const result = await act(form);
    setBusy(false);
    const done = !result.error && result.refusals.length === 0;
    setOutcome(done ? null : result);
    if (done) setOpen(false);
  };
  if (!open) {
    return (
      <button type="button" className={danger ? 'quiet danger' : 'quiet'} onClick={() => setOpen(true)}>
        {name}
      </button>
    );
  }
  return (
    <form
      className="action-form"
      aria-labelledby={title}
      onSubmit={(event) => {
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      <p id={title}>{what}</p>
      {children}
      <div className="actions-row">
        {/* oxlint-disable-next-line jsx-a11y/no-autofocus -- it replaces the button that had the focus */}
        <button type="submit" className={danger ? 'danger' : ''} disabled={busy || !act} autoFocus={!children}>
          {confirm}
        </button>
        <button type="button" className="quiet" disabled={busy} onClick={() => setOpen(false)}>
          Back
        </button>
      </div>
      {outcome?.error && <Failure error={outcome.error} acted />}
      {outcome && <Refusals errors={outcome.refusals} />}
    </form>
  );
}
