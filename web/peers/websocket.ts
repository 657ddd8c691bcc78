import { WebSocket, type ClientOptions } from 'ws';

/**
 * A websocket that may be closed before it is open, as a browser's may: `ws` throws an error that nobody hears then. The client closes
 * one whose connection takes longer than a second.
 */
export class PatientWebSocket extends WebSocket {
  constructor(url: string, protocols?: string | string[], options?: ClientOptions) {
    super(url, protocols, options);
    this.on('error', () => undefined);
  }
}
