import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canStartEngine, startDockerEngine } from "../docker-engine.ts";
import { isInstalled } from "../../fakes/docker-registry.ts";
import { follow, type Finished, type Person, removeAll } from "../tspack.ts";

/** An engine as its command line has it. Podman's own is used, as it loses exit codes where Docker's drives it. */
export interface ContainerEngine {
  readonly command: readonly string[];
  /** The store of images, as skopeo names it before the name of an image. */
  readonly images: readonly string[];
  /** Flags of a file system in memory at `/layers` that is the builder's user's: the engines spell it differently. */
  readonly tmpfsLayers: readonly string[];
  /** What every container of this engine gets, so that all engines' containers are alike. */
  readonly runFlags: readonly string[];
  readonly close: () => Promise<void>;
}

/** The engines that rows run in. */
export const engines = [
  { name: "Docker", program: "dockerd", start: startDocker },
  { name: "Podman", program: "podman", start: startPodman },
] as const;

async function startDocker(): Promise<ContainerEngine> {
  const engine = await startDockerEngine();
  if (engine === undefined) throw new Error("dockerd can not be started");
  const host = `unix://${engine.socket}`;
  return {
    command: ["docker", "-H", host],
    images: ["--dest-daemon-host", host, "docker-daemon:"],
    tmpfsLayers: ["--tmpfs", "/layers:uid=1000,gid=1000,mode=755,exec"],
    runFlags: [],
    close: () => engine.close(),
  };
}

async function startPodman(): Promise<ContainerEngine> {
  const at = mkdtempSync(join(tmpdir(), "pod-"));
  const store = ["--root", join(at, "data"), "--runroot", join(at, "run"), "--storage-driver", "overlay"];
  return {
    command: ["podman", ...store, "--cgroup-manager", "cgroupfs"],
    tmpfsLayers: ["--mount", "type=tmpfs,destination=/layers,U=true"],
    // Podman writes a user that the image does not know into its /etc/passwd otherwise.
    runFlags: ["--passwd=false"],
    images: [`containers-storage:[overlay@${at}/data+${at}/run]`],
    close: async () => {
      spawnSync("umount", [join(at, "data/overlay")], { stdio: "ignore" });
      removeAll(at);
    },
  };
}

/** What tests in an engine need and this machine lacks; in CI that is an error. */
export function lacking(program: "dockerd" | "podman"): readonly string[] {
  const needed = ["skopeo", "docker-registry", ...(program === "dockerd" ? ["docker"] : [])];
  const missing = needed.filter((name) => !isInstalled(name));
  const all = [...missing, ...(canStartEngine(program) ? [] : [`root and ${program}`])];
  if (all.length > 0 && process.env["CI"] !== undefined) throw new Error(`CI needs ${all.join(", ")}`);
  return all;
}

/** Copies an image of a person's store into an engine. */
export function loadImage(engine: ContainerEngine, person: Person, image: string): void {
  const from = `oci:${join(person.home, "data/images")}:${image}`;
  const to = [...engine.images.slice(0, -1), `${engine.images.at(-1)}${image}`];
  execFileSync("skopeo", ["copy", "-q", "--insecure-policy", from, ...to], { stdio: "pipe" });
}

/** Copies an image of a person's store to a registry of this machine or into a layout, `docker://…` or `oci:…`. */
export function copyImage(person: Person, image: string, to: string): void {
  const from = `oci:${join(person.home, "data/images")}:${image}`;
  execFileSync("skopeo", ["copy", "-q", "--insecure-policy", "--dest-tls-verify=false", from, to], { stdio: "pipe" });
}

/** A container that runs one program to its end. */
export interface ContainerRun {
  readonly image: string;
  /** Of `docker run`. */
  readonly flags: readonly string[];
  /** Paths here by paths in the container; `:ro` at the end makes one read-only. */
  readonly volumes: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  readonly network: "host" | "none";
  readonly command: readonly string[];
}

/** Runs a container and gives what it wrote. */
export function runContainer(engine: ContainerEngine, run: ContainerRun): Promise<Finished> {
  const [program = "", ...options] = engine.command;
  const args = [
    ...[...options, "run", "--rm", "--network", run.network],
    // Podman asks for more than a test machine may give.
    ...["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"],
    ...engine.runFlags,
    ...run.flags,
    ...Object.entries(run.volumes).flatMap(([inside, outside]) => ["-v", `${outside}:${inside}`]),
    ...Object.entries(run.env).flatMap(([name, value]) => ["-e", `${name}=${value}`]),
    run.image,
    ...run.command,
  ];
  return follow(spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] })).done;
}

/** The directories that a platform mounts into the containers of one build. */
export interface BuildDirectories {
  readonly root: string;
  readonly app: string;
  readonly layers: string;
  readonly cache: string;
  readonly platform: string;
}

/** Makes them for a user, `UID:GID`, with an application and the variables of the platform. */
export function buildDirectories(
  root: string,
  owner: string,
  app: string,
  platformEnv: Readonly<Record<string, string>>,
): BuildDirectories {
  rmSync(root, { recursive: true, force: true });
  const at = (name: string): string => join(root, name);
  for (const name of ["layers", "cache", "platform/env"]) mkdirSync(at(name), { recursive: true });
  cpSync(app, at("app"), { recursive: true });
  for (const [name, value] of Object.entries(platformEnv)) writeFileSync(join(at("platform/env"), name), value);
  giveTo(root, owner);
  return { root, app: at("app"), layers: at("layers"), cache: at("cache"), platform: at("platform") };
}

/** Gives a tree to a user, `UID:GID`. */
export function giveTo(path: string, owner: string): void {
  execFileSync("chown", ["-R", owner, path]);
}

const bundle = "/etc/ssl/certs/ca-certificates.crt";

/** Variables that buildpacks need to reach the package registry that this machine reaches. */
export function packageVariables(): Readonly<Record<string, string>> {
  const registry = process.env["NPM_CONFIG_REGISTRY"];
  // Node has certificates of its own, to which the builder's are added.
  return { NODE_EXTRA_CA_CERTS: bundle, ...(registry === undefined ? {} : { NPM_CONFIG_REGISTRY: registry }) };
}

/** The certificates that this machine trusts, in place of the builder's: a proxy may have its own. */
export function trustedCertificates(): Readonly<Record<string, string>> {
  const file = process.env["SSL_CERT_FILE"] ?? process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  return existsSync(file) ? { [`${bundle}:ro`]: file } : {};
}

/** The proxies of this machine. */
export function proxyVariables(): Readonly<Record<string, string>> {
  const names = ["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] ?? ""]])),
  );
}

/** Copies the cache of a build for the next one. */
export function copyCache(from: string, to: string, owner: string): void {
  if (readdirSync(from).length === 0) throw new Error(`${from} is empty`);
  cpSync(from, to, { recursive: true });
  giveTo(to, owner);
}

/** A directory of a user, which no one else can write to. */
export function makeDirectory(path: string, owner: string): string {
  const [uid = 0, gid = 0] = owner.split(":").map(Number);
  mkdirSync(path, { recursive: true });
  chownSync(path, uid, gid);
  chmodSync(path, 0o755);
  return path;
}
