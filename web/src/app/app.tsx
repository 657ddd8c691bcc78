import { lazy, type ReactNode } from 'react';
import { BrowserRouter, Route, Routes } from 'react-router';
import { staffDocuments } from '../board/documents';
import { customerDocuments } from '../order/documents';
import { OrderFeed } from '../order/order-feed';
import { AppProvider, useSession, type AppProps } from '../shared/context';
import { Products } from '../shop/products';
import { Layout } from './layout';
import { NotFound } from './not-found';

// A first visit needs only the products. The other pages are loaded when somebody goes there.
const OrderCreate = lazy(() => import('../shop/order-create').then(({ OrderCreate: page }) => ({ default: page })));
const OrderDetail = lazy(() => import('../shop/order-detail').then(({ OrderDetail: page }) => ({ default: page })));
const Orders = lazy(() => import('../shop/orders').then(({ Orders: page }) => ({ default: page })));
const Payment = lazy(() => import('../shop/payment').then(({ Payment: page }) => ({ default: page })));
const Board = lazy(() => import('../board/board'));

/** The whole app: its routes inside one session, one API client and one feed. */
export function App(props: AppProps) {
  return (
    <AppProvider {...props}>
      <UserFeed>
        <BrowserRouter>
          <Routes>
            <Route element={<Layout />}>
              <Route index element={<Products />} />
              <Route path="order" element={<Orders />} />
              <Route path="order/create" element={<OrderCreate />} />
              <Route path="order/:orderId" element={<OrderDetail />} />
              <Route path="payment" element={<Payment />} />
              <Route path="board" element={<Board />} />
              <Route path="*" element={<NotFound />} />
            </Route>
          </Routes>
        </BrowserRouter>
      </UserFeed>
    </AppProvider>
  );
}

/** The feed in the documents of the user's role: the pages of customers ask for none of the board's fields. */
function UserFeed({ children }: { children: ReactNode }) {
  const { session } = useSession();
  return <OrderFeed documents={session?.role === 'STAFF' ? staffDocuments : customerDocuments}>{children}</OrderFeed>;
}
