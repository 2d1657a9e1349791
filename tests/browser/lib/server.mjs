// A small website of our own: what link apps lead to, so that no test leaves this machine.
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * Serves `html` at every path of a free loopback port.
 *
 * @param {string} html
 * @param {Record<string, string>} headers
 */
export async function serve(html, headers = {}) {
  const requests = [];
  const server = createServer((request, response) => {
    requests.push({ method: request.method, url: request.url, headers: request.headers });
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...headers });
    response.end(request.url === '/favicon.ico' ? '' : html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    requests,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
