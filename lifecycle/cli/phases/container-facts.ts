import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { errorCode } from "../../errors.ts";
import { dockerConfigPath } from "../../stores/docker-places.ts";
import type { Env } from "../phase-options.ts";
import { capabilityNames } from "./capabilities.ts";

/** What the container that this process is in allows; null is what can not be found out here. */
export interface ContainerFacts {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** The name of the user in `/etc/passwd`; null when it has none. */
  readonly userName: string | null;
  /** The builder's user: `CNB_USER_ID` and `CNB_GROUP_ID`. */
  readonly builderUser: string | null;
  readonly capabilities: readonly string[] | null;
  /** What the process could still get by executing a program. */
  readonly boundingCapabilities: readonly string[] | null;
  readonly noNewPrivileges: boolean | null;
  readonly seccomp: "none" | "strict" | "filter" | null;
  readonly readOnlyRoot: boolean | null;
  readonly proc: "missing" | "masked" | "unmasked";
  /** Whether users may make user namespaces, as far as the kernel's limits say. */
  readonly userNamespaces: boolean | null;
  /** Whether there is an interface besides the loopback. */
  readonly network: boolean;
  /** Whether other processes of the user are kept from reading this one. */
  readonly guarded: boolean | null;
  readonly paths: readonly PathFacts[];
  readonly credentials: readonly string[];
}

/** A path that a phase works with. */
export interface PathFacts {
  readonly use: string;
  readonly path: string;
  readonly state: "writable" | "readable" | "unreadable" | "missing";
}

/** Looks around. Nothing is written, started or sent. */
export function containerFacts(env: Env): ContainerFacts {
  const status = statusOf(read("/proc/self/status"));
  const uid = process.getuid?.() ?? 0;
  const seccomp = status.get("Seccomp");
  return {
    uid,
    gid: process.getgid?.() ?? 0,
    groups: process.getgroups?.() ?? [],
    userName: userName(uid),
    builderUser: env["CNB_USER_ID"] === undefined ? null : `${env["CNB_USER_ID"]}:${env["CNB_GROUP_ID"] ?? "?"}`,
    capabilities: capabilities(status.get("CapEff")),
    boundingCapabilities: capabilities(status.get("CapBnd")),
    noNewPrivileges: status.has("NoNewPrivs") ? status.get("NoNewPrivs") === "1" : null,
    seccomp: seccomp === undefined ? null : (seccompModes[seccomp] ?? null),
    readOnlyRoot: mountOptions("/")?.includes("ro") ?? null,
    proc: procState(),
    userNamespaces: userNamespaces(),
    network: Object.keys(networkInterfaces()).some((name) => name !== "lo"),
    guarded: guarded(),
    paths: pathsOf(env).map(([use, path]) => ({ use, path, state: stateOf(path) })),
    credentials: credentialsIn(env),
  };
}

const seccompModes: Readonly<Record<string, ContainerFacts["seccomp"]>> = { "0": "none", "1": "strict", "2": "filter" };

/** Places that a creator writes to, each with the flag or variable that moves it. */
function pathsOf(env: Env): readonly (readonly [string, string])[] {
  return [
    ["-layers", env["CNB_LAYERS_DIR"] ?? "/layers"],
    ["-app", env["CNB_APP_DIR"] ?? "/workspace"],
    ["-cache-dir", env["CNB_CACHE_DIR"] ?? ""],
    ["-platform", env["CNB_PLATFORM_DIR"] ?? "/platform"],
    ["TMPDIR", tmpdir()],
    ["HOME", env["HOME"] ?? ""],
  ].filter((row): row is [string, string] => row[1] !== "");
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

function statusOf(text = ""): ReadonlyMap<string, string> {
  return new Map(text.split("\n").map((line) => [line.split(":")[0] ?? "", line.slice(line.indexOf(":") + 1).trim()]));
}

function capabilities(mask: string | undefined): readonly string[] | null {
  return mask === undefined ? null : capabilityNames(BigInt(`0x${mask}`));
}

function userName(uid: number): string | null {
  const rows = (read("/etc/passwd") ?? "").split("\n").map((line) => line.split(":"));
  return rows.find((row) => row[2] === String(uid))?.[0] ?? null;
}

/** The last mount at a path is the one that is seen. */
function mountOptions(path: string): readonly string[] | undefined {
  const rows = (read("/proc/self/mountinfo") ?? "").split("\n").map((line) => line.split(" "));
  return rows.findLast((row) => row[4] === path)?.[5]?.split(",");
}

function procState(): ContainerFacts["proc"] {
  if (!existsSync("/proc/self/status")) return "missing";
  return mountOptions("/proc/kcore") === undefined && mountOptions("/proc/sys") === undefined ? "unmasked" : "masked";
}

function userNamespaces(): boolean | null {
  const limits = ["/proc/sys/user/max_user_namespaces", "/proc/sys/kernel/unprivileged_userns_clone"].map(read);
  if (limits.every((text) => text === undefined)) return null;
  return limits.every((text) => text === undefined || Number(text) > 0);
}

/** The kernel gives the environment of an undumpable process to root, whose own it looks like then. */
function guarded(): boolean | null {
  if (process.getuid?.() === 0) return null;
  try {
    return statSync("/proc/self/environ").uid !== process.getuid?.();
  } catch {
    return null;
  }
}

function stateOf(path: string): PathFacts["state"] {
  const may = (mode: number): boolean => {
    try {
      accessSync(path, mode);
      return true;
    } catch (error) {
      return errorCode(error) === undefined;
    }
  };
  if (may(constants.W_OK)) return "writable";
  if (may(constants.R_OK)) return "readable";
  return may(constants.F_OK) ? "unreadable" : "missing";
}

/** Where credentials come from; never what they are. */
function credentialsIn(env: Env): readonly string[] {
  const config = dockerConfigPath(env);
  return [
    ...((env["CNB_REGISTRY_AUTH"] ?? "") === "" ? [] : ["CNB_REGISTRY_AUTH"]),
    ...(config !== undefined && stateOf(config) !== "missing" ? [config] : []),
  ];
}
