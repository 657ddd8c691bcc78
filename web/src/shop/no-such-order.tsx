import { Link } from 'react-router';
import { useSession } from '../shared/context';
import { Empty } from '../shared/states';

/** Where an address names no order that its reader may see: somebody else's does not exist for them. */
export function NoSuchOrder() {
  const { session } = useSession();
  return (
    <Empty title="There is no such order">
      <p>
        {session ? `Nothing at this address belongs to ${session.name ?? session.user}.` : 'Nothing is at this address.'}
      </p>
      <Link className="button" to="/order">
        Your orders
      </Link>
    </Empty>
  );
}
