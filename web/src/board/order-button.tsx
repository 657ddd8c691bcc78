/** A button with an order's number that opens its drawer. */
export function OrderButton({ id, number, onOpen }: { id: string; number: string; onOpen: (orderId: string) => void }) {
  return (
    <button type="button" className="order-button" aria-haspopup="dialog" onClick={() => onOpen(id)}>
      {number}
    </button>
  );
}
