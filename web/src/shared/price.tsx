import { getFragment, graphql, type FragmentType } from '../gql';
import { formatMoney } from './money';

export const PriceParts = graphql(`
  fragment PriceParts on Money {
    amount
    amountMinor
    currency
  }
`);

/** An amount of money in its currency. */
export function Price({ of }: { of: FragmentType<typeof PriceParts> }) {
  return <span className="price">{formatMoney(getFragment(PriceParts, of))}</span>;
}
