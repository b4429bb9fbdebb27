import { maskedAddress } from "../../addresses.ts";
import { existsSync, readFileSync } from "node:fs";
import { TspackError } from "../../errors.ts";
import { usualSockets } from "../engine/endpoint.ts";
import { openEngine } from "../engine/open-engine.ts";
import { type Env, type Machine, searchPath } from "../machine.ts";
import { findProgram, findSandbox, type SandboxKind } from "../runners/sandbox/sandbox.ts";
import { sandboxSearch } from "../tools.ts";
import type { Finding } from "./finding.ts";

/** Where buildpacks can run on this machine. The first that works is what `--runner auto` takes. */
export async function runnerFindings(machine: Machine, signal: AbortSignal): Promise<readonly Finding[]> {
  const sandboxes = await Promise.all(
    (["bubblewrap", "unshare"] as const).map((kind) => sandboxFinding(machine, kind)),
  );
  const engines = await engineFindings(machine.env, signal);
  const isInside = existsSync("/cnb/lifecycle") && existsSync("/cnb/order.toml");
  const inPlace: Finding = {
    area: "runner",
    name: "in-place",
    state: "ok",
    detail: isInside ? "this is a builder container" : "this is no builder container",
  };
  const works = isInside || [...sandboxes, ...engines].some(({ state }) => state === "ok");
  const any: Finding = works
    ? { area: "runner", name: "any", state: "ok", detail: "builds are possible" }
    : {
        area: "runner",
        name: "any",
        state: "failed",
        detail: "builds are not possible: no runner works",
        remedy: "follow one of the remedies of runners and engines",
      };
  return [any, ...sandboxes, inPlace, ...engines];
}

async function sandboxFinding(machine: Machine, kind: SandboxKind): Promise<Finding> {
  const name = `sandbox (${kind})`;
  try {
    await findSandbox(sandboxSearch(machine, kind));
    return { area: "runner", name, state: "ok", detail: "works" };
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    return { area: "runner", name, state: "warning", detail: error.message, remedy: error.hint };
  }
}

/** Settings of the kernel that decide about sandboxes, with the values that allow them. */
const kernelSettings = [
  ["/proc/sys/user/max_user_namespaces", (value: string) => Number(value) > 0, "sysctl user.max_user_namespaces=15000"],
  [
    "/proc/sys/kernel/unprivileged_userns_clone",
    (value: string) => value === "1",
    "sysctl kernel.unprivileged_userns_clone=1",
  ],
  [
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    (value: string) => value === "0",
    "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for bwrap",
  ],
] as const;

/** What the kernel says of user namespaces. Settings that a kernel does not have are left out. */
export function namespaceFindings(): readonly Finding[] {
  return kernelSettings.flatMap(([file, allows, remedy]): readonly Finding[] => {
    if (!existsSync(file)) return [];
    const value = readFileSync(file, "utf8").trim();
    const name = file.replace("/proc/sys/", "").replaceAll("/", ".");
    return [
      allows(value)
        ? { area: "user namespaces", name, state: "ok", detail: value }
        : { area: "user namespaces", name, state: "warning", detail: `${value}: sandboxes may not work`, remedy },
    ];
  });
}

/** The engine that a build would use, and those at the usual sockets. */
async function engineFindings(env: Env, signal: AbortSignal): Promise<readonly Finding[]> {
  const named = (env["DOCKER_HOST"] ?? "") !== "" || (env["DOCKER_CONTEXT"] ?? "") !== "";
  const sockets = usualSockets(env).filter((path) => existsSync(path));
  if (!named && sockets.length === 0) {
    const detail = "there is no socket of Docker or Podman; sandboxes need none";
    return [
      { area: "engine", name: "any", state: "warning", detail, remedy: "start Docker or Podman, or set DOCKER_HOST" },
    ];
  }
  const own = named ? [engineFinding(env["DOCKER_HOST"] ?? `context ${env["DOCKER_CONTEXT"]}`, env, signal)] : [];
  const others = sockets.map((path) =>
    engineFinding(path, { ...env, DOCKER_HOST: `unix://${path}`, DOCKER_CONTEXT: undefined }, signal),
  );
  return Promise.all([...own, ...others]);
}

async function engineFinding(name: string, env: Env, signal: AbortSignal): Promise<Finding> {
  const shown = maskedAddress(name);
  try {
    const engine = await openEngine(env, AbortSignal.any([signal, AbortSignal.timeout(10_000)]));
    await engine.close();
    return { area: "engine", name: shown, state: "ok", detail: `${engine.name}, ${engine.os}/${engine.architecture}` };
  } catch (error) {
    if (!(error instanceof TspackError)) throw error;
    return { area: "engine", name: shown, state: "warning", detail: error.message, remedy: error.hint };
  }
}

/** Programs that some builds need. */
const programs = [
  ["git", "applications from repositories (--path git+https://…)", "install git"],
  ["bwrap", "the faster sandbox", "install bubblewrap"],
  ["unshare", "the sandbox without bubblewrap", "install util-linux"],
] as const;

/** Programs of others that tspack uses where they are installed. */
export async function programFindings(machine: Machine): Promise<readonly Finding[]> {
  return Promise.all(
    programs.map(async ([name, use, remedy]): Promise<Finding> => {
      const path = await findProgram(name, searchPath(machine));
      if (path !== undefined) return { area: "program", name, state: "ok", detail: path };
      return { area: "program", name, state: "warning", detail: `not installed; for ${use}`, remedy };
    }),
  );
}
