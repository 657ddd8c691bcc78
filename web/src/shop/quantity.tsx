/** A quantity with buttons for one less and one more. Zero removes the item. */
export function Quantity({ of, value, max, onChange }: { of: string; value: number; max: number; onChange: (value: number) => void }) {
  return (
    <span className="quantity" role="group" aria-label={`Quantity of ${of}`}>
      <button type="button" aria-label={`One less of ${of}`} onClick={() => onChange(value - 1)}>
        −
      </button>
      <output aria-live="polite">{value}</output>
      <button type="button" aria-label={`One more of ${of}`} disabled={value >= max} onClick={() => onChange(value + 1)}>
        +
      </button>
    </span>
  );
}
