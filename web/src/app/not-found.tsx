import { Link } from 'react-router';
import { Page } from '../shared/page';
import { Empty } from '../shared/states';

/** Any other address. */
export function NotFound() {
  return (
    <Page title="Not found">
      <Empty title="There is nothing here">
        <Link className="button" to="/">
          Look at the products
        </Link>
      </Empty>
    </Page>
  );
}
