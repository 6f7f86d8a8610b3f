// Bytes to a real socket, as no HTTP library would send them.
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { HttpServer } from '../../src/http-server.ts';

export type RawRequest = {
  socket: Socket;
  /** Status and text of what came back, once the server has closed the connection. */
  answer: Promise<{ status: number; text: string }>;
};

/** Sends the head's lines and whatever else, and never ends its side. */
export function rawRequest(server: HttpServer, lines: readonly string[], rest = ''): RawRequest {
  const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.write(`${lines.map((line) => `${line}\r\n`).join('')}${rest}`);
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  const answer = new Promise<{ status: number; text: string }>((resolve) => {
    // A reset after the answer is how a server closes on a client that goes on sending.
    socket.on('error', () => {});
    socket.on('close', () => resolve({ status: Number(text.split(' ')[1]), text }));
  });
  return { socket, answer };
}

export const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
