// Looks for prime numbers and says on localhost how far it is.
import { createServer } from "node:http";

const primes = [2];
let next = 3;

function search() {
  const end = next + 1000;
  for (; next < end; next += 2) {
    if (primes.every((prime) => prime * prime > next || next % prime !== 0)) primes.push(next);
  }
  setTimeout(search, 200);
}

search();

const server = createServer(({ url }, response) => {
  if (url === "/health") return response.end("ok\n");
  if (url === "/crash") process.exit(1);
  response.end(JSON.stringify({ pid: process.pid, found: primes.length, largest: primes.at(-1) }));
});
server.listen(9000, "127.0.0.1");

process.on("SIGTERM", () => process.exit(0));
