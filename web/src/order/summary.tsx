import { getFragment, graphql, type FragmentType } from '../gql';
import { formatTime, formatDateTime } from '../shared/time';
import { Price } from '../shared/price';
import { ProductPicture } from '../shared/product-picture';
import { PaymentBadge, RefundBadge } from './status';

export const OrderSummary = graphql(`
  fragment OrderSummary on Order {
    lines {
      product {
        id
        image
      }
      name
      quantity
      refundedQuantity
      unitPrice {
        ...PriceParts
      }
      total {
        ...PriceParts
      }
    }
    total {
      ...PriceParts
    }
    captured {
      amountMinor
      ...PriceParts
    }
    refunded {
      amountMinor
      ...PriceParts
    }
    disputed {
      amountMinor
      ...PriceParts
    }
    payments {
      id
      status
      createdAt
      amount {
        ...PriceParts
      }
    }
    refunds {
      id
      status
      origin
      reason
      createdAt
      amount {
        ...PriceParts
      }
    }
    note
  }
`);

/** The items of an order with their prices, and its payments and refunds. */
export function Summary({ order }: { order: FragmentType<typeof OrderSummary> }) {
  const { lines, total, captured, refunded, disputed, payments, refunds, note } = getFragment(OrderSummary, order);
  return (
    <section className="card summary" aria-label="Items and amounts">
      <ul className="lines">
        {lines.map((line, index) => (
          // oxlint-disable-next-line react/no-array-index-key -- lines never change, and a product may be on two of them
          <li key={index}>
            <ProductPicture image={line.product.image} small />
            <span className="line-name">
              {line.name}
              <small>
                {line.quantity} × <Price of={line.unitPrice} />
                {line.refundedQuantity > 0 && ` · ${line.refundedQuantity} refunded`}
              </small>
            </span>
            <Price of={line.total} />
          </li>
        ))}
      </ul>
      <dl className="amounts">
        <div className="amounts-total">
          <dt>Total</dt>
          <dd>
            <Price of={total} />
          </dd>
        </div>
        <div>
          <dt>Paid</dt>
          <dd>
            <Price of={captured} />
          </dd>
        </div>
        {refunded.amountMinor !== '0' && (
          <div>
            <dt>Refunded</dt>
            <dd>
              <Price of={refunded} />
            </dd>
          </div>
        )}
        {disputed.amountMinor !== '0' && (
          <div>
            <dt>Withdrawn by disputes</dt>
            <dd>
              <Price of={disputed} />
            </dd>
          </div>
        )}
      </dl>
      {payments.length > 1 && (
        <ul className="movements" aria-label="Payments">
          {payments.map((payment, index) => (
            <li key={payment.id}>
              <span>
                Payment {index + 1} <small>{formatTime(payment.createdAt)}</small>
              </span>
              <PaymentBadge status={payment.status} />
              <Price of={payment.amount} />
            </li>
          ))}
        </ul>
      )}
      {refunds.length > 0 && (
        <ul className="movements" aria-label="Refunds">
          {refunds.map((refund) => (
            <li key={refund.id} data-refund={refund.status}>
              <span>
                Refund{refund.origin === 'PROVIDER' && ' made at the payment provider'} <small>{refund.reason ?? formatDateTime(refund.createdAt)}</small>
              </span>
              <RefundBadge status={refund.status} />
              <Price of={refund.amount} />
            </li>
          ))}
        </ul>
      )}
      {note && <p className="hint">Note: {note}</p>}
    </section>
  );
}
