import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isInstalled } from "../fakes/docker-registry.ts";

/** Whether tests run as root, and so can become somebody else. */
export const isRoot = process.getuid?.() === 0;

/** A user without any privilege; its number needs no account. */
export const ordinaryUser = 1000;

const inCi = process.env["CI"] !== undefined;

/** Programs that a test needs: left out by name here, a failure in CI. `note` goes into the test's name. */
export function needs(...programs: readonly string[]): { readonly skip: boolean; readonly note: string } {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length > 0 && inCi) throw new Error(`CI needs ${missing.join(", ")}`);
  return { skip: missing.length > 0, note: missing.length > 0 ? ` (skipped: no ${missing.join(", ")})` : "" };
}

/** Everything of the end-to-end tests is in here. */
export function e2eHome(): string {
  const home = process.env["TSPACK_E2E_HOME"];
  if (home === undefined) throw new Error("test/e2e/setup.ts has not run");
  return home;
}

/** A file of the package that is tested. */
export function packageFile(name: string): string {
  return join(e2eHome(), "package", name);
}

/** Who runs tspack, and where it keeps things. */
export interface Person {
  readonly uid: number | undefined;
  /** TSPACK_HOME. */
  readonly home: string;
}

/** A directory for one test file, which the ordinary user can enter. */
export function scratchDirectory(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `tspack-${name}-`));
  execFileSync("chmod", ["755", directory]);
  return directory;
}

/** A directory that belongs to a person. */
export function ownDirectory(person: Person, path: string): string {
  mkdirSync(path, { recursive: true });
  if (person.uid !== undefined) chownSync(path, person.uid, person.uid);
  return path;
}

/** Removes a tree whatever its modes are. */
export function removeAll(path: string): void {
  execFileSync("chmod", ["-R", "u+rwX", path], { stdio: "ignore" });
  execFileSync("rm", ["-rf", path]);
}

/** What a command did. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a command is started. */
export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What standard input has; nothing when absent. */
  readonly input?: Uint8Array;
  /** Another Node than that of the tests. */
  readonly node?: string;
}

/** A tspack that runs. */
export interface Running {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly output: () => Finished;
  readonly done: Promise<Finished>;
  /** Ends when its output has the text; fails when it ends before. */
  readonly says: (text: string | RegExp) => Promise<void>;
}

/** Variables of this machine that reach networks; nothing else of it is passed on. */
const networkVariables = [
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "NPM_CONFIG_REGISTRY",
  "TSPACK_DEBIAN_MIRROR",
];

/** The environment of a command: the network's variables, a home, nothing else. */
export function environment(person: Person): Record<string, string> {
  const given = networkVariables.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    PATH: process.env["PATH"] ?? "/usr/bin:/bin",
    HOME: join(person.home, "home"),
    TSPACK_HOME: person.home,
    ...Object.fromEntries(given),
  };
}

/** Starts the real command line program. */
export function startTspack(person: Person, args: readonly string[], options: StartOptions = {}): Running {
  ownDirectory(person, person.home);
  ownDirectory(person, join(person.home, "home"));
  const command = [options.node ?? process.execPath, packageFile("dist/tspack.js"), ...args];
  const [file = "", ...rest] = person.uid === undefined ? command : [...becoming(person.uid), ...command];
  const child = spawn(file, rest, {
    env: { ...environment(person), ...options.env },
    cwd: options.cwd ?? e2eHome(),
    stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  // Who does not read to the end closes the pipe.
  child.stdin?.on("error", () => {}).end(options.input);
  return follow(child);
}

function becoming(uid: number): readonly string[] {
  return ["setpriv", "--reuid", String(uid), "--regid", String(uid), "--clear-groups", "--"];
}

/** Collects what a child process writes. */
export function follow(child: ChildProcess): Running {
  const written = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const)
    child[name]?.setEncoding("utf8").on("data", (text: string) => (written[name] += text));
  let code = -1;
  const done = new Promise<Finished>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => {
      code = status ?? (signal === null ? -1 : -2);
      resolve({ code, ...written });
    });
  });
  const says = async (text: string | RegExp): Promise<void> => {
    let ended = false;
    void done.finally(() => (ended = true));
    const found = (): boolean => {
      const all = written.stdout + written.stderr;
      return typeof text === "string" ? all.includes(text) : text.test(all);
    };
    while (!found()) {
      if (ended) throw new Error(`it ended (${code}) before it said ${text}:\n${written.stdout}${written.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { child, done, says, output: () => ({ code, ...written }) };
}

/** Runs the real command line program to its end. */
export function tspack(person: Person, args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  return startTspack(person, args, options).done;
}

/** Runs it; fails with what it wrote unless it succeeds. */
export async function succeed(person: Person, args: readonly string[], options: StartOptions = {}): Promise<Finished> {
  const finished = await tspack(person, args, options);
  if (finished.code === 0) return finished;
  throw new Error(`tspack ${args.join(" ")}: exit ${finished.code}\n${finished.stdout}${finished.stderr}`);
}

/** The summary that `build --json` prints as its last event, as far as tests read it. */
export interface Summary {
  readonly image: string;
  readonly digest: string;
  readonly runner: string;
  readonly seconds: number;
  readonly layers: readonly {
    readonly layer: string;
    readonly action: string;
    readonly reason: string;
    readonly digest: string;
  }[];
  readonly restored: readonly { readonly layer: string; readonly from: string }[];
  readonly processes: readonly { readonly type: string; readonly default: boolean }[];
  readonly group: readonly { readonly id: string }[];
}

/** Reads the last event of `build --json`. */
export function summaryIn(stdout: string): Summary {
  const last = JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as Summary & { readonly type: string };
  if (last.type === "finished") return last;
  throw new Error(`the last event is ${last.type}`);
}

/** Builds an image and reads the summary. */
export async function buildJson(
  person: Person,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Summary & { readonly log: string }> {
  const { stdout, stderr } = await succeed(person, ["build", ...args, "--json"], options);
  return { ...summaryIn(stdout), log: stderr };
}

/** Whoever runs the tests, with the default builder in the store. */
export async function self(): Promise<Person> {
  const person = { uid: undefined, home: join(e2eHome(), "self") };
  await once("self", async () => {
    await succeed(person, ["build", "e2e/first", "--path", packageFile("samples/node-hello")]);
  });
  return person;
}

/** An ordinary user with the same builder, copied, because making it takes a minute. */
export async function ordinary(): Promise<Person> {
  const from = await self();
  const person = { uid: ordinaryUser, home: join(e2eHome(), "ordinary") };
  await once("ordinary", () => {
    if (existsSync(person.home)) removeAll(person.home);
    for (const part of ["data/images", "data/stacks", "cache/blobs", "cache/downloads"]) {
      mkdirSync(join(person.home, part, ".."), { recursive: true });
      execFileSync("cp", ["-a", join(from.home, part), join(person.home, part)]);
    }
    execFileSync("chown", ["-R", `${ordinaryUser}:${ordinaryUser}`, person.home]);
  });
  return person;
}

/** Does it once for all test files that use this package. */
async function once(name: string, work: () => void | Promise<void>): Promise<void> {
  const mark = packageFile(`.ready-${name}`);
  if (existsSync(mark)) return;
  await work();
  writeFileSync(mark, "");
}

/** Processes of this machine whose command line has the text, but not this test's. */
export function processesWith(text: string): readonly number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => commandLine(pid).includes(text))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** Mounts of this machine below a directory. */
export function mountsBelow(directory: string): readonly string[] {
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => (line.split(" ")[4] ?? "").startsWith(directory));
}

/** What is left of builds and runs in a person's home. */
export function leftovers(person: Person): readonly string[] {
  const builds = join(person.home, "data/builds");
  return [
    ...(existsSync(builds) ? readdirSync(builds) : []),
    ...mountsBelow(person.home),
    ...processesWith(builds).map((pid) => `process ${pid}: ${commandLine(String(pid))}`),
  ];
}
