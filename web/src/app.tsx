import { lazy, Suspense } from 'react';
import { BrowserRouter, Route, Routes } from 'react-router';
import { Layout } from './components/layout';
import { Loading } from './components/states';
import { OrderFeed } from './live/order-feed';
import { NotFound } from './pages/not-found';
import { OrderCreate } from './pages/order-create';
import { OrderDetail } from './pages/order-detail';
import { Orders } from './pages/orders';
import { Payment } from './pages/payment';
import { Products } from './pages/products';
import { AppProvider, type AppProps } from './shared/context';

const Board = lazy(() => import('./pages/board'));

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
              <Route
                path="board"
                element={
                  <Suspense fallback={<Loading what="the board" />}>
                    <Board />
                  </Suspense>
                }
              />
              <Route path="*" element={<NotFound />} />
            </Route>
          </Routes>
        </BrowserRouter>
      </OrderFeed>
    </AppProvider>
  );
}
