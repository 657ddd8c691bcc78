import { Link } from 'react-router';
import { useSession } from '../shared/context';
import { Empty } from '../shared/states';

/** Shown at the address of an order that does not exist or belongs to somebody else. */
export function NoSuchOrder() {
  const { session } = useSession();
  return (
    <Empty title="Order not found">
      <p>
        {session ? `${session.name ?? session.user} has no order at this address.` : 'There is no order at this address.'}
      </p>
      <Link className="button" to="/order">
        Your orders
      </Link>
    </Empty>
  );
}
