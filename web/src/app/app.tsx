import { lazy } from 'react';
import { BrowserRouter, Route, Routes } from 'react-router';
import { Layout } from './layout';
import { OrderFeed } from '../order/order-feed';
import { NotFound } from './not-found';
import { Products } from '../shop/products';
import { AppProvider, type AppProps } from '../shared/context';

// The shelf is what a first visit needs; the other pages are loaded when somebody goes there.
const OrderCreate = lazy(() => import('../shop/order-create').then(({ OrderCreate: page }) => ({ default: page })));
const OrderDetail = lazy(() => import('../shop/order-detail').then(({ OrderDetail: page }) => ({ default: page })));
const Orders = lazy(() => import('../shop/orders').then(({ Orders: page }) => ({ default: page })));
const Payment = lazy(() => import('../shop/payment').then(({ Payment: page }) => ({ default: page })));
const Board = lazy(() => import('../board/board'));

/** The whole app: its routes inside one session, one API client and one feed. */
export function App(props: AppProps) {
  return (
    <AppProvider {...props}>
      <OrderFeed>
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
      </OrderFeed>
    </AppProvider>
  );
}
