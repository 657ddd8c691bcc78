import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { DraftStore } from './shared/draft';
import { SessionStore } from './shared/session';
import { readSettings } from './shared/settings';
import './styles/tokens.css';
import './styles/page.css';
import './styles/parts.css';
import './styles/shop.css';
import './styles/payment.css';
import './styles/orders.css';

const session = new SessionStore();
await session.restore();

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App settings={readSettings()} session={session} draft={new DraftStore()} />
  </StrictMode>,
);
