import type { Settings } from './settings';

/** A way to pay that one can choose here, and what comes of it. */
export interface PaymentMethod {
  /** What the API takes as `paymentMethod.token`. */
  readonly token: string;
  readonly label: string;
  readonly hint: string;
  /** Set for what goes wrong between us and the provider: shown only on demand. */
  readonly fault?: true;
}

/** The tokens of the simulated provider, as docs/simulated.md has them. */
const simulated: readonly PaymentMethod[] = [
  { token: 'sim_approve', label: 'Card that is approved', hint: 'Confirmed, then delivered' },
  { token: 'sim_decline', label: 'Card that is declined', hint: 'You may pay again with another' },
  { token: 'sim_requires_action', label: 'Card that asks you first', hint: 'Approve or refuse, as at your bank' },
  { token: 'sim_random', label: 'Surprise me', hint: 'Approved three times in four' },
  { token: 'sim_timeout_charged', label: 'The answer is lost, the money is not', hint: 'Looked up, then confirmed with one charge', fault: true },
  { token: 'sim_timeout_not_charged', label: 'The first call is lost', hint: 'Repeated with the same key: one charge', fault: true },
  { token: 'sim_error_once', label: 'The provider fails once', hint: 'Repeated with the same key: one charge', fault: true },
];

/** Stripe's own payment methods for test keys: https://docs.stripe.com/testing */
const stripeTest: readonly PaymentMethod[] = [
  { token: 'pm_card_visa', label: 'Visa that is approved', hint: 'Confirmed, then delivered' },
  { token: 'pm_card_visa_chargeDeclined', label: 'Visa that is declined', hint: 'You may pay again with another' },
  { token: 'pm_card_visa_chargeDeclinedInsufficientFunds', label: 'Visa without funds', hint: 'Declined with its reason' },
  { token: 'pm_card_authenticationRequired', label: 'Card that asks you first', hint: 'Confirm at the bank’s page' },
];

/** What one can pay with here. Nothing where real cards are needed: entering those takes Stripe's own form, which this shop has not. */
export function paymentMethods({ payments, testMoney }: Settings): readonly PaymentMethod[] {
  if (payments === 'simulated') return simulated;
  return testMoney ? stripeTest : [];
}

/** The chosen one of these, or the first; undefined where there is none. */
export const methodOr = (methods: readonly PaymentMethod[], token: string): PaymentMethod | undefined =>
  methods.find((method) => method.token === token) ?? methods[0];
