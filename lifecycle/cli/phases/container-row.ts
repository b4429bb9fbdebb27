import type { ContainerFacts } from "./container-facts.ts";

/** The kinds of containers that `test/e2e/unprivileged` measures. */
export const containerRows = {
  A: "root that can become the builder's user",
  B: "root without capabilities: needs -allow-root",
  C: "ordinary user",
  D: "ordinary user without capabilities and new privileges (Kubernetes restricted)",
  E: "as D, with a read-only root",
  F: "as D, without masks over /proc",
  G: "user that is not in /etc/passwd",
  H: "arbitrary user of group 0 with a read-only root (OpenShift)",
  J: "no network: everything has to be in the cache, and the result in a layout",
} as const;

/** Names one of them. */
export type ContainerRow = keyof typeof containerRows;

/** Which row a container is; what nobody can find out counts as the ordinary case. */
export function containerRow(facts: ContainerFacts): ContainerRow {
  if (!facts.network) return "J";
  if (facts.uid === 0) {
    const { capabilities } = facts;
    return capabilities === null || ["SETUID", "SETGID"].every((name) => capabilities.includes(name)) ? "A" : "B";
  }
  if (facts.readOnlyRoot === true) return facts.gid === 0 && facts.userName === null ? "H" : "E";
  if (facts.userName === null) return "G";
  if (facts.noNewPrivileges !== true || facts.boundingCapabilities?.length !== 0) return "C";
  return facts.proc === "unmasked" ? "F" : "D";
}
