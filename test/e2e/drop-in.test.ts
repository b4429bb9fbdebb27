import { execFileSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DockerRegistry, isInstalled, startDockerRegistry } from "../fakes/docker-registry.ts";
import { environment, type Finished, packageFile, type Person, removeAll, scratchDirectory, self } from "./tspack.ts";
import {
  type BuildDirectories,
  buildDirectories,
  type ContainerEngine,
  copyImage,
  engines,
  lacking,
  runContainer,
} from "./unprivileged/containers.ts";

const others = ["busybox", "musl-gcc"].filter((name) => !isInstalled(name, name === "busybox" ? "true" : "--version"));
if (others.length > 0 && process.env["CI"] !== undefined)
  throw new Error(`CI needs ${others.join(", ")} (busybox-static)`);

const programs: Readonly<Record<string, string>> = {
  "cnb/buildpacks/tests_shell/1/buildpack.toml": 'api = "0.10"\n[buildpack]\nid = "tests/shell"\nversion = "1"\n',
  "cnb/buildpacks/tests_shell/1/bin/detect": "#!/bin/sh\nexit 0\n",
  "cnb/buildpacks/tests_shell/1/bin/build": [
    "#!/bin/sh",
    "set -eu",
    'layer="$CNB_LAYERS_DIR/stuff"',
    '[ ! -f "$layer/kept" ] || echo "kept from the last build"',
    'mkdir -p "$layer"',
    'echo data > "$layer/kept"',
    "[ ! -x /bin/probe ] || /bin/probe",
    "printf '[types]\\nlaunch = true\\ncache = true\\n' > \"$layer.toml\"",
    'printf \'[[processes]]\\ntype = "web"\\ncommand = ["/bin/sh"]\\ndefault = true\\n\' > "$CNB_LAYERS_DIR/launch.toml"',
    "",
  ].join("\n"),
  "cnb/order.toml": '[[order]]\n[[order.group]]\nid = "tests/shell"\nversion = "1"\n',
};

/** Root filesystems of builders that were not made by us; `fill` puts the base into a directory. */
const bases = [
  { base: "Debian slim", fill: debian },
  { base: "musl and busybox", fill: musl },
  { base: "nothing but a static busybox", fill: shellOnly },
] as const;

async function debian(root: string, person: Person): Promise<void> {
  const layout = join(root, "..", "debian-layout");
  copyImage(person, "tspack.local/run:bookworm", `oci:${layout}:run`);
  execFileSync("umoci", ["raw", "unpack", "--image", `${layout}:run`, root], { stdio: "pipe" });
}

async function shellOnly(root: string): Promise<void> {
  mkdirSync(join(root, "bin"), { recursive: true });
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  cpSync(busybox, join(root, "bin/busybox"), { dereference: true });
  for (const name of ["sh", "mkdir", "printf", "cat"]) symlinkSync("busybox", join(root, "bin", name));
}

async function musl(root: string): Promise<void> {
  await shellOnly(root);
  const source = join(root, "..", "probe.c");
  writeFileSync(source, '#include <stdio.h>\nint main(void) { puts("a program of musl runs"); return 0; }\n');
  execFileSync("musl-gcc", ["-o", join(root, "bin/probe"), source]);
  const loader = `ld-musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`;
  mkdirSync(join(root, "lib"), { recursive: true });
  cpSync(join("/lib", loader), join(root, "lib", loader), { dereference: true });
  mkdirSync(join(root, "etc"), { recursive: true });
  writeFileSync(join(root, "etc/os-release"), 'ID=alpine\nVERSION_ID="3"\n');
}

describe.each(engines)("the archive of the lifecycle as a drop-in, in $name", ({ program, start }) => {
  const missing = [...lacking(program), ...others];
  describe.skipIf(missing.length > 0)(
    missing.length > 0 ? `(needs ${missing.join(", ")})` : "with what a platform passes",
    () => {
      let engine: ContainerEngine;
      let registry: DockerRegistry;
      let person: Person;
      const scratch = scratchDirectory("drop-in");

      beforeAll(async () => {
        person = await self();
        const output = join(scratch, "dist");
        mkdirSync(output);
        execFileSync(process.execPath, [packageFile("dist/tspack-dist.js"), "--output", output], {
          env: environment(person),
          stdio: "pipe",
        });
        const [archive = ""] = readdirSync(output);
        execFileSync("tar", ["xzf", join(output, archive), "-C", output]);
        registry = await startDockerRegistry();
        copyImage(person, "tspack.local/run:bookworm", `docker://${registry.host}/run:bookworm`);
        engine = await start();
      });
      afterAll(async () => {
        await engine?.close();
        await registry?.close();
        removeAll(scratch);
      });

      describe.each(bases)("in a builder on $base", ({ base, fill }) => {
        const name = base.toLowerCase().replaceAll(/[^a-z]+/g, "-");
        const image = `drop-in/${name}:1`;
        let at: BuildDirectories;

        beforeAll(async () => {
          const root = join(scratch, name, "root");
          mkdirSync(root, { recursive: true });
          await fill(root, person);
          for (const directory of ["layers", "workspace", "platform", "tmp"])
            mkdirSync(join(root, directory), { recursive: true });
          chmodSync(join(root, "tmp"), 0o1777);
          for (const [path, text] of Object.entries(programs)) {
            mkdirSync(dirname(join(root, path)), { recursive: true });
            writeFileSync(join(root, path), text, { mode: path.includes("/bin/") ? 0o755 : 0o644 });
          }
          cpSync(join(scratch, "dist/lifecycle"), join(root, "cnb/lifecycle"), {
            recursive: true,
            verbatimSymlinks: true,
          });
          execFileSync("chown", ["-R", "1000:1000", join(root, "layers"), join(root, "workspace")]);
          const tar = join(scratch, name, "root.tar");
          execFileSync("tar", ["cf", tar, "-C", root, "."]);
          const [docker = "", ...options] = engine.command;
          const changes = ["USER 1000:1000", "ENV CNB_USER_ID=1000", "ENV CNB_GROUP_ID=1000", "ENV PATH=/bin:/usr/bin"];
          execFileSync(docker, [...options, "import", ...changes.flatMap((each) => ["--change", each]), tar, image], {
            stdio: "pipe",
          });
          const app = join(scratch, name, "app");
          mkdirSync(app);
          writeFileSync(join(app, "file"), "text");
          at = buildDirectories(join(scratch, name, "build"), "1000:1000", app, {});
        });

        /** One container with only what a platform passes: root where it pushes or owns volumes, the builder's user else. */
        function phase(api: string, command: readonly string[], asRoot: boolean): Promise<Finished> {
          return runContainer(engine, {
            image,
            flags: asRoot ? ["--user", "0:0"] : ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
            volumes: { "/layers": at.layers, "/workspace": at.app, "/platform": at.platform, "/cache": at.cache },
            env: { CNB_PLATFORM_API: api, ...(asRoot ? { CNB_REGISTRY_AUTH: "{}" } : {}) },
            network: asRoot || command[0]?.endsWith("creator") === true ? "host" : "none",
            command,
          });
        }

        const digestIn = (text: string): string | undefined =>
          /\*\*\* Images \((sha256:[0-9a-f]{64})\)/.exec(text)?.[1];
        const insecure = (api: string): readonly string[] =>
          api === "0.12" ? [] : ["-insecure-registry", registry.host];
        const digests = new Map<string, string | undefined>();

        // Both engines get the same programs: one of them runs all versions.
        it.each(program === "dockerd" ? ["0.12", "0.13", "0.14", "0.15"] : ["0.12", "0.15"])(
          "runs the five phases in containers of their own, Platform API %s",
          async (api) => {
            const common = ["-log-level", "debug", "-layers", "/layers"];
            const app = ["-app", "/workspace"];
            const ids = ["-uid", "1000", "-gid", "1000", ...insecure(api)];
            const target = `${registry.host}/app`;
            const outputs: string[] = [];
            for (const [each, args, asRoot] of [
              ["analyzer", [...common, ...ids, "-run-image", `${registry.host}/run:bookworm`, target], true],
              ["detector", [...common, ...app], false],
              ["restorer", [...common, ...ids, "-cache-dir", "/cache"], true],
              ["builder", [...common, ...app], false],
              ["exporter", [...common, ...app, ...ids, "-cache-dir", "/cache", "-process-type", "web", target], true],
            ] as const) {
              const finished = await phase(api, [`/cnb/lifecycle/${each}`, ...args], asRoot);
              expect(finished, `${each}: ${finished.stdout}${finished.stderr}`).toMatchObject({ code: 0 });
              outputs.push(finished.stdout);
            }
            expect(outputs[3]?.includes("kept from the last build")).toBe(api !== "0.12");
            expect(outputs[3]?.includes("a program of musl runs")).toBe(base.startsWith("musl"));
            digests.set(api, digestIn(outputs[4] ?? ""));
            expect(digests.get(api)).toBeDefined();
          },
        );

        it("makes the same image by the creator", async () => {
          const command = [
            "/cnb/lifecycle/creator",
            ...insecure("0.15"),
            "-run-image",
            `${registry.host}/run:bookworm`,
          ];
          const rest = ["-cache-dir", "/cache", "-process-type", "web", `${registry.host}/app`];
          const finished = await phase("0.15", [...command, ...rest], false);
          expect(finished, finished.stdout + finished.stderr).toMatchObject({ code: 0 });
          expect(finished.stdout).toContain("kept from the last build");
          expect(digestIn(finished.stdout)).toBe(digests.get("0.15"));
        });

        it("makes the same image on volumes of a group, as Kubernetes mounts them for an fsGroup", async () => {
          const group = "4321";
          const ours = buildDirectories(join(scratch, name, "of-group"), `0:${group}`, join(scratch, name, "app"), {});
          for (const volume of [ours.layers, ours.app, ours.cache]) chmodSync(volume, 0o2777);
          const command = [
            "/cnb/lifecycle/creator",
            ...insecure("0.15"),
            "-run-image",
            `${registry.host}/run:bookworm`,
          ];
          const finished = await runContainer(engine, {
            image,
            flags: ["--group-add", group, "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
            volumes: {
              "/layers": ours.layers,
              "/workspace": ours.app,
              "/platform": ours.platform,
              "/cache": ours.cache,
            },
            env: { CNB_PLATFORM_API: "0.15" },
            network: "host",
            command: [...command, "-cache-dir", "/cache", "-process-type", "web", `${registry.host}/of-group`],
          });
          expect(finished, finished.stdout + finished.stderr).toMatchObject({ code: 0 });
          expect(digestIn(finished.stdout)).toBe(digests.get("0.15"));
        });
      });
    },
  );
});
