import { Link } from 'react-router';
import { Page } from '../shared/page';
import { Empty } from '../shared/states';

/** The page of an unknown address. */
export function NotFound() {
  return (
    <Page title="Not found">
      <Empty title="Page not found">
        <Link className="button" to="/">
          Browse products
        </Link>
      </Empty>
    </Page>
  );
}
