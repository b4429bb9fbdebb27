import { expect, test } from "vitest";
import { sshHint } from "../../../lifecycle/platform/engine/ssh.ts";

const endpoint = { kind: "ssh", user: "ada", host: "box.example.com", port: "2222", socket: undefined } as const;

test.each([
  ["Host key verification failed.", /run ssh -p 2222 ada@box\.example\.com once and compare/],
  ["ada@box.example.com: Permission denied (publickey,password).", /no password here: give it a key/],
  ["bash: line 1: docker: command not found", /install Docker's command line program on box\.example\.com/],
  ["sh: 1: docker: not found", /install Docker's command line program/],
  ["zsh:1: command not found: docker", /install Docker's command line program/],
  ["ssh: connect to host box.example.com port 2222: Connection refused", /correct the host and port/],
  ["ssh: Could not resolve hostname box.example.com: Name or service not known", /correct the host and port/],
  [
    "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: connection refused",
    /start the engine on box\.example\.com/,
  ],
  [
    "failed to open the raw stream connection: dial unix /var/run/docker.sock: connect: permission denied",
    /let this user of box\.example\.com use the engine's socket/,
  ],
])("ssh's complaint %j has a remedy", (complaint, hint) => {
  expect(sshHint(complaint, endpoint)).toMatch(hint);
});

test("a complaint that nobody knows has none", () => {
  expect(sshHint("Bad owner or permissions", endpoint)).toBeUndefined();
});
