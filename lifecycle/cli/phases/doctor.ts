import type { Write } from "../console.ts";
import type { Env } from "../phase-options.ts";
import { type ContainerFacts, containerFacts, type PathFacts } from "./container-facts.ts";
import { containerRow, containerRows } from "./container-row.ts";

/**
 * `lifecycle doctor`: what this container allows, which of the measured kinds it is, and what a
 * creator would stumble over. With `json` as one JSON object. Returns the exit code: 1 when a
 * creator can not work here.
 */
export function doctor(env: Env, json: boolean, write: Write): number {
  const facts = containerFacts(env);
  const row = containerRow(facts);
  const problems = problemsOf(facts);
  if (json) write(`${JSON.stringify({ row, kind: containerRows[row], ...facts, problems }, undefined, 2)}\n`);
  else write(report(facts, `${row}: ${containerRows[row]}`, problems));
  return problems.length === 0 ? 0 : 1;
}

function problemsOf({ uid, capabilities, paths }: ContainerFacts): readonly string[] {
  const canWriteAll = uid === 0 && (capabilities === null || capabilities.includes("CHOWN"));
  const unwritable = paths.filter(
    ({ use, state }) => ["-layers", "-app", "-cache-dir", "TMPDIR"].includes(use) && state !== "writable",
  );
  const rootStays = uid === 0 && capabilities !== null && !capabilities.includes("SETUID");
  return [
    ...(rootStays ? ["root can not become the builder's user: start as that user, or use -allow-root"] : []),
    ...(canWriteAll ? [] : unwritable).map(
      ({ use, path, state }) => `${path} is ${stateText(state)}: mount it for this user, or move it by ${use}`,
    ),
  ];
}

function stateText(state: PathFacts["state"]): string {
  return state === "readable" ? "read-only" : state;
}

function report(facts: ContainerFacts, row: string, problems: readonly string[]): string {
  const lines: readonly (readonly [string, string])[] = [
    ["row", row],
    [
      "user",
      `${facts.uid}:${facts.gid} (${facts.userName ?? "not in /etc/passwd"}), builder ${facts.builderUser ?? "?"}`,
    ],
    ["capabilities", list(facts.capabilities)],
    ["bounding set", list(facts.boundingCapabilities)],
    ["no new privileges", yesNo(facts.noNewPrivileges)],
    ["seccomp", facts.seccomp ?? "unknown"],
    ["read-only root", yesNo(facts.readOnlyRoot)],
    ["/proc", facts.proc],
    ["user namespaces", yesNo(facts.userNamespaces)],
    ["network", facts.network ? "yes" : "none but loopback"],
    ["memory guarded", yesNo(facts.guarded)],
    ["credentials", facts.credentials.length === 0 ? "none" : facts.credentials.join(", ")],
    ...facts.paths.map(({ use, path, state }) => [use, `${path} ${stateText(state)}`] as const),
    ...problems.map((problem) => ["problem", problem] as const),
  ];
  return lines.map(([name, value]) => `${name.padEnd(18)} ${value}\n`).join("");
}

function list(names: readonly string[] | null): string {
  if (names === null) return "unknown";
  return names.length === 0 ? "none" : names.join(" ");
}

function yesNo(value: boolean | null): string {
  return value === null ? "unknown" : value ? "yes" : "no";
}
