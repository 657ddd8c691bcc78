import { useSettings } from '../shared/context';
import { methodOr, type PaymentMethod as Method } from '../shared/settings';

/** The payment methods of this server and the chosen one; none where the shop cannot take cards. */
export function usePaymentMethod(token: string): { methods: readonly Method[]; chosen: Method | undefined } {
  const { methods } = useSettings();
  return { methods, chosen: methodOr(methods, token) };
}

/** The choice of a payment method, with the outcome of each. */
export function PaymentMethod({ title = 'Payment', value, onChange }: { title?: string; value: string; onChange: (token: string) => void }) {
  const { methodsNotice } = useSettings();
  const { methods, chosen } = usePaymentMethod(value);
  const faults = methods.filter(({ fault }) => fault);
  const choice = (method: Method) => <Choice key={method.token} method={method} checked={method === chosen} onChange={onChange} />;
  if (methods.length === 0) return <p className="notice">{methodsNotice}</p>;
  return (
    <fieldset className="methods">
      <legend>{title}</legend>
      <p className="hint">{methodsNotice}</p>
      <div className="methods-list">{methods.filter(({ fault }) => !fault).map(choice)}</div>
      {faults.length > 0 && (
        <details className="methods-more" open={chosen?.fault}>
          <summary>Simulated failures of the provider</summary>
          <div className="methods-list">{faults.map(choice)}</div>
        </details>
      )}
    </fieldset>
  );
}

/**
 * The choice between immediate and manual capture. A real shop decides that for its customers; here everybody may choose, to
 * try captures and voids. It is not shown where payments are real, or where the provider captures at once only.
 */
export function CaptureLater({ value, onChange }: { value: boolean; onChange: (later: boolean) => void }) {
  const { testMoney, manualCapture } = useSettings();
  if (!testMoney || !manualCapture) return null;
  return (
    <label className="option" aria-label="Authorize now, capture later">
      <input type="checkbox" name="capture-later" checked={value} aria-describedby="capture-later-hint" onChange={({ target }) => onChange(target.checked)} />
      <span>
        <strong>Authorize now, capture later</strong>
        <small id="capture-later-hint">The payment is only authorized. Staff capture or void it on the board.</small>
      </span>
    </label>
  );
}

function Choice({ method, checked, onChange }: { method: Method; checked: boolean; onChange: (token: string) => void }) {
  const { token, label, hint } = method;
  return (
    <label className="option" aria-label={label}>
      <input type="radio" name="payment-method" value={token} checked={checked} aria-describedby={`${token}-hint`} onChange={() => onChange(token)} />
      <span>
        <strong>{label}</strong>
        <small id={`${token}-hint`}>
          {hint} <code>{token}</code>
        </small>
      </span>
    </label>
  );
}
