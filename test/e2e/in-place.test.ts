import { spawn } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { platformApis } from "../../lifecycle/cnb/api/platform.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { writePlatformDirectory } from "../../lifecycle/platform/build/platform-directory.ts";
import { unpackRootfs } from "../../lifecycle/platform/rootfs.ts";
import { layoutStore } from "../../lifecycle/stores/layout/layout-store.ts";
import { registryStore } from "../../lifecycle/stores/registry/registry-store.ts";
import { type DockerRegistry, startDockerRegistry } from "../fakes/docker-registry.ts";
import { storeContext, writeTree } from "./scripted-builder.ts";
import {
  buildJson,
  environment,
  type Finished,
  follow,
  isRoot,
  needs,
  packageFile,
  type Person,
  removeAll,
  scratchDirectory,
  self,
  summaryIn,
} from "./tspack.ts";

const tools = needs("bwrap");
const registryTools = needs("bwrap", "docker-registry");

/** What a container of the builder is started as. */
const users = [
  {
    who: "root",
    skip: !isRoot,
    args: ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID"].flatMap((name) => ["--cap-add", `CAP_${name}`]),
  },
  { who: "the builder's user", skip: false, args: ["--unshare-user", "--uid", "1000", "--gid", "1000"] },
] as const;

let person: Person;
let rootfs = "";
let directory = "";
let containers = 0;
const sample = packageFile("samples/node-express");
const secret = `in-place-${process.pid}-sesame`;

beforeAll(async () => {
  person = await self();
  directory = scratchDirectory("in-place");
  const builder = await stored("tspack.local/builder:bookworm");
  rootfs = await unpackRootfs(builder, join(person.home, "data/rootfs-v1"), "builder", storeContext);
});
afterAll(() => {
  removeAll(directory);
});

async function stored(name: string) {
  const image = await layoutStore(join(person.home, "data/images")).resolve(parseReference(name));
  if (image === undefined) throw new Error(`there is no ${name}`);
  return image;
}

/** A container of the builder, as a CI job has it: its root file system, writable where builds write. */
class Container {
  readonly work: string;
  readonly #user: readonly string[];
  readonly #more: readonly string[];

  constructor(user: readonly string[], app?: string, more: readonly string[] = []) {
    containers += 1;
    this.work = join(directory, `container-${containers}`);
    this.#user = user;
    this.#more = more;
    for (const name of ["workspace", "layers", "platform"]) mkdirSync(join(this.work, name), { recursive: true });
    if (app !== undefined) cpSync(app, join(this.work, "workspace"), { recursive: true, verbatimSymlinks: true });
  }

  run(command: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> {
    const bind = (name: string, target: string): readonly string[] => ["--bind", join(this.work, name), target];
    const args = [
      ...this.#user,
      ...[
        "--ro-bind",
        rootfs,
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--perms",
        "1777",
        "--tmpfs",
        "/tmp",
        "--perms",
        "0777",
        "--tmpfs",
        "/home/cnb",
      ],
      ...["/etc/resolv.conf", "/etc/hosts"].flatMap((file) => (existsSync(file) ? ["--ro-bind", file, file] : [])),
      ...bind("workspace", "/workspace"),
      ...bind("layers", "/layers"),
      ...["--ro-bind", join(this.work, "platform"), "/platform"],
      ...this.#more,
      ...[
        "--ro-bind",
        packageFile("."),
        "/tmp/tspack",
        "--ro-bind",
        sample,
        "/tmp/app",
        "--bind",
        person.home,
        "/tmp/home",
      ],
      ...certificateFiles().flatMap((file) => ["--ro-bind", file, file]),
      ...["--chdir", "/workspace", "--unshare-pid", "--die-with-parent", "--", ...command],
    ];
    const all = { ...environment(person), TSPACK_HOME: "/tmp/home", HOME: "/home/cnb", ...env };
    const builderEnv = { CNB_USER_ID: "1000", CNB_GROUP_ID: "1000", CNB_PLATFORM_API: platformApis.at(-1) ?? "" };
    const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return follow(
      spawn("bwrap", args, { env: { ...all, ...builderEnv, PATH: path }, stdio: ["ignore", "pipe", "pipe"] }),
    ).done;
  }

  tspack(...args: readonly string[]): Promise<Finished> {
    const loader = readdirSync(join(rootfs, "cnb/lifecycle")).find((name) => name.startsWith("ld-linux")) ?? "";
    const node = [`/cnb/lifecycle/${loader}`, "--library-path", "/cnb/lifecycle", "/cnb/lifecycle/node"];
    // Secrets of the job, which buildpacks must not get.
    const env = {
      PRIVATE_TOKEN: secret,
      CNB_REGISTRY_AUTH: JSON.stringify({ "registry.invalid": `Bearer ${secret}` }),
    };
    return this.run([...node, "/tmp/tspack/dist/tspack.js", ...args], env);
  }
}

/** Where certificates of this machine are, when its variables name them. */
function certificateFiles(): readonly string[] {
  const named = [process.env["SSL_CERT_FILE"], process.env["NODE_EXTRA_CA_CERTS"]];
  const files = named.filter((file) => file !== undefined && file !== "" && existsSync(join(rootfs, file)));
  return [...new Set(files)] as readonly string[];
}

describe.skipIf(tools.skip)(`--runner in-place, in a container of the builder${tools.note}`, () => {
  for (const { who, skip, args } of users) {
    it.skipIf(skip)(`as ${who}: the same image as from the sandbox`, async () => {
      const expected = await buildJson(person, ["e2e/from-sandbox", "--path", sample]);
      const container = new Container(args);
      const name = "e2e/in-place";
      const result = await container.tspack("build", name, "--path", "/tmp/app", "--runner", "in-place", "--json");
      expect(result).toMatchObject({ code: 0 });
      const built = summaryIn(result.stdout);
      expect(built.runner).toBe("in-place");
      expect(built.digest).toBe(expected.digest);
    });

    it.skipIf(skip)(`as ${who}: adds buildpacks where /cnb/buildpacks is writable, for this build`, async () => {
      const own = join(directory, `cnb-${who.length}`);
      cpSync(join(rootfs, "cnb/buildpacks"), own, { recursive: true });
      const added = join(directory, `added-${who.length}`);
      writeTree(added, {
        "buildpack.toml": 'api = "0.10"\n[buildpack]\nid = "e2e/added"\nversion = "1.0.0"\n',
        "bin/detect": "#!/bin/sh\n",
        "bin/build": '#!/bin/sh\necho "in $CNB_BUILDPACK_DIR as $(id -u)"\n',
      });
      for (const name of ["detect", "build"]) chmodSync(join(added, "bin", name), 0o755);
      const before = readdirSync(own).sort();
      const build = ["build", "e2e/added", "--path", "/tmp/app", "--runner", "in-place", "--json"];
      const more = ["--ro-bind", added, "/tmp/added"];

      const container = new Container(args, undefined, [...more, "--bind", own, "/cnb/buildpacks"]);
      const result = await container.tspack(...build, "--buildpack", "/tmp/added");
      expect(result).toMatchObject({ code: 0 });
      expect(summaryIn(result.stdout).group.map(({ id }) => id)).toEqual(["e2e/added"]);
      expect(result.stderr).toContain("in /cnb/buildpacks/e2e_added/1.0.0 as 1000");
      expect(readdirSync(own).sort()).toEqual(before);

      const closed = new Container(args, undefined, more);
      const refused = await closed.tspack(...build, "--buildpack", "/tmp/added");
      expect(refused.stderr).toContain("can not be written in this container");
      expect(refused.code).toBe(3);
      expect(refused.stderr).toContain("/cnb/buildpacks/e2e_added/1.0.0 can not be written in this container");
    });

    it.skipIf(skip)(`as ${who}: refuses what an earlier build left`, async () => {
      const container = new Container(args, sample);
      const result = await container.tspack("build", "e2e/in-place", "--path", "/tmp/app", "--runner", "in-place");
      expect(result.stderr).toContain("error INVALID_ARGUMENTS: /workspace is not empty");
      expect(result.code).toBe(3);
    });
  }

  it("shows buildpacks no credential of the job, in their environment or in ours", async () => {
    const container = new Container(users[1].args);
    // The default order ends in procfile; the script of package.json runs in npm-install's build.
    const app = join(container.work, "spy");
    cpSync(sample, app, { recursive: true });
    const manifest = JSON.parse(readFileSync(join(app, "package.json"), "utf8")) as { scripts: Record<string, string> };
    const others =
      'for p in /proc/[2-9]* /proc/1[0-9]*; do tr "\\0" " " <$p/cmdline | grep -q dist/tspack[.]js && look $p; done';
    const look = "look() { if cat $1/environ >/dev/null 2>&1; then echo SPY-OPEN; else echo SPY-CLOSED; fi; }";
    manifest.scripts["build"] = `echo SPY-BEGIN; env; ${look}; ${others}; echo SPY-END`;
    writeFileSync(join(container.work, "workspace/package.json"), JSON.stringify(manifest));
    for (const file of ["package-lock.json", "server.js", "app.js", ".npmrc"])
      cpSync(join(app, file), join(container.work, "workspace", file));
    const result = await container.tspack("build", "e2e/spy", "--path", "/workspace", "--runner", "in-place");
    expect(result.stderr).toContain("SPY-END");
    expect(result.stderr).not.toContain(secret);
    expect(result.stderr.split("SPY-BEGIN").at(-1)).not.toContain("CNB_REGISTRY_AUTH");
    expect(result.stderr).toMatch(/^\[builder\] SPY-CLOSED$/m);
    expect(result.stderr).not.toMatch(/^\[builder\] SPY-OPEN$/m);
    // What started tspack is nobody's to close, and that is told.
    expect(result.stderr).toContain("Warning: Buildpacks can read CNB_REGISTRY_AUTH in the environment of process 1");
  });
});

describe.skipIf(registryTools.skip)(
  `the lifecycle's creator, in a container of the builder${registryTools.note}`,
  () => {
    let registry: DockerRegistry;
    beforeAll(async () => {
      registry = await startDockerRegistry();
      const run = await stored("tspack.local/run:bookworm");
      await registryStore({}).write(run, [parseReference(`${registry.host}/run:1`)], { ctx: storeContext });
    });
    afterAll(() => registry.close());

    it("makes the image that tspack makes with the same run image", async () => {
      const runImage = `${registry.host}/run:1`;
      const name = `${registry.host}/e2e/sandbox`;
      const expected = await buildJson(person, [name, "--path", sample, "--run-image", runImage, "--publish"]);
      const container = new Container(users[1].args, sample);
      const platform = join(container.work, "platform");
      await writePlatformDirectory(
        { path: platform, name: "/platform" },
        { env: networkOfBuildpacks(), certificates: certificates() },
      );
      const image = `${registry.host}/e2e/creator`;
      const result = await container.run(["/cnb/lifecycle/creator", "-run-image", runImage, image]);
      expect(result).toMatchObject({ code: 0 });
      expect(/digest = "(.*)"/.exec(readFileSync(join(container.work, "layers/report.toml"), "utf8"))?.[1]).toBe(
        expected.digest,
      );

      const again = new Container(users[1].args, sample);
      await writePlatformDirectory(
        { path: join(again.work, "platform"), name: "/platform" },
        {
          env: networkOfBuildpacks(),
          certificates: certificates(),
        },
      );
      const second = await again.run(["/cnb/lifecycle/creator", "-run-image", runImage, image]);
      expect(second).toMatchObject({ code: 0 });
      expect(second.stdout).toContain("Reusing layer 'tspack/npm-install:modules'");
    });
  },
);

function networkOfBuildpacks(): Readonly<Record<string, string>> {
  const registry = process.env["NPM_CONFIG_REGISTRY"];
  return registry === undefined ? {} : { NPM_CONFIG_REGISTRY: registry };
}

function certificates(): string | undefined {
  const file = process.env["SSL_CERT_FILE"] ?? process.env["NODE_EXTRA_CA_CERTS"];
  return file === undefined || file === "" ? undefined : readFileSync(file, "utf8");
}
