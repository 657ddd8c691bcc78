import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app';
import { createSession } from '../shared/create-session';
import { DraftStore } from '../shared/draft';
import { readSettings } from '../shared/settings';
import '../styles/tokens.css';
import '../styles/page.css';
import '../styles/parts.css';
import '../styles/shop.css';
import '../styles/payment.css';
import '../styles/orders.css';

const settings = readSettings();
const session = await createSession(settings);

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <App settings={settings} session={session} draft={new DraftStore()} />
  </StrictMode>,
);
