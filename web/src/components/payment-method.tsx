/** The outcomes of the simulated provider one can choose in development. */
const methods = [
  { token: 'sim_approve', label: 'Card that is approved', hint: 'Confirmed, then delivered' },
  { token: 'sim_decline', label: 'Card that is declined', hint: 'You may try again' },
  { token: 'sim_random', label: 'Surprise me', hint: 'Either of the two' },
] as const;

/** The choice of how to pay. Real money is never involved. */
export function PaymentMethod({ value, onChange }: { value: string; onChange: (token: string) => void }) {
  return (
    <fieldset className="methods">
      <legend>Payment</legend>
      <p className="hint">Simulated: no real card, no real money.</p>
      <div className="methods-list">
        {methods.map(({ token, label, hint }) => (
          <label key={token} aria-label={label}>
            <input
              type="radio"
              name="payment-method"
              value={token}
              checked={value === token}
              aria-describedby={`${token}-hint`}
              onChange={() => onChange(token)}
            />
            <span>
              <strong>{label}</strong>
              <small id={`${token}-hint`}>
                {hint} <code>{token}</code>
              </small>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
