import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { imageFromParts, memoryLayer } from "../../lifecycle/oci/memory-image.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { tarOfNoise } from "../fakes/images.ts";
import { type Finished, follow, packageFile } from "./tspack.ts";

/** A run image whose layers depend on the seed. */
export function runImage(seed: number, layers: number): Image {
  return imageFromParts({
    format: "docker",
    config: {
      architecture: "amd64",
      os: "linux",
      created: "2024-01-02T03:04:05Z",
      config: {
        Env: ["PATH=/usr/bin:/bin"],
        User: "1000:1000",
        Labels: { "io.buildpacks.base.distro.name": "debian", "io.buildpacks.base.distro.version": "12" },
      },
      history: Array.from({ length: layers }, (_, index) => ({
        created: "2024-01-02T03:04:05Z",
        created_by: `${index}`,
      })),
    },
    layers: Array.from({ length: layers }, (_, index) => memoryLayer(tarOfNoise(20_000, seed + index))),
  });
}

const build = `#!/bin/sh
set -e
if [ -e "$CNB_LAYERS_DIR/kept.toml" ]; then echo "kept is there"; else mkdir "$CNB_LAYERS_DIR/kept"; date +%N > "$CNB_LAYERS_DIR/kept/made"; fi
printf '[types]\\nlaunch = true\\n' > "$CNB_LAYERS_DIR/kept.toml"
mkdir -p "$CNB_LAYERS_DIR/cached"; echo cached > "$CNB_LAYERS_DIR/cached/file"
printf '[types]\\nlaunch = true\\ncache = true\\n' > "$CNB_LAYERS_DIR/cached.toml"
printf '[[processes]]\\ntype = "web"\\ncommand = ["/bin/true"]\\ndefault = true\\n' > "$CNB_LAYERS_DIR/launch.toml"
echo '{"bomFormat": "CycloneDX"}' > "$CNB_LAYERS_DIR/launch.sbom.cdx.json"
`;

const files: Readonly<Record<string, string>> = {
  "buildpacks/test/1/buildpack.toml":
    'api = "0.10"\n[buildpack]\nid = "test"\nversion = "1"\nsbom-formats = ["application/vnd.cyclonedx+json"]\n[[targets]]\nos = "linux"\n',
  "buildpacks/test/1/bin/detect": "#!/bin/sh\n",
  "buildpacks/test/1/bin/build": build,
  "order.toml": '[[order]]\n[[order.group]]\nid = "test"\nversion = "1"\n',
  launcher: "launcher",
  "app/file": "1",
};

/** One place where an application is built, again and again. */
export interface Workspace {
  readonly directory: string;
  write(name: string, text: string): void;
  read(name: string): string;
  /** Runs a phase as root, which becomes user 1000; flags that every phase has are added. */
  run(phase: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Finished>;
}

/** Makes a workspace with a buildpack of two layers, an SBOM and a process. */
export function workspace(directory: string, run: { readonly image: string }): Workspace {
  const write = (name: string, text: string): void => {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    if (name.includes("/bin/")) chmodSync(path, 0o755);
  };
  for (const [name, text] of Object.entries(files)) write(name, text);
  write("run.toml", `[[images]]\nimage = "${run.image}"\n`);
  write("stack.toml", `[run-image]\nimage = "${run.image}"\n`);
  for (const name of ["platform/env", "cache", "launch-cache", "tmp"])
    mkdirSync(join(directory, name), { recursive: true });
  chmodSync(join(directory, "tmp"), 0o1777);
  return {
    directory,
    write,
    read: (name) => readFileSync(join(directory, name), "utf8"),
    run: async (phase, args, env = {}) => {
      if (phase === "create") {
        rmSync(join(directory, "layers"), { recursive: true, force: true });
        mkdirSync(join(directory, "layers"));
      }
      if (!existsSync(join(directory, "layers"))) mkdirSync(join(directory, "layers"));
      // Buildpacks refuse root; every other phase becomes the user by itself.
      const user = ["--reuid", "1000", "--regid", "1000", "--clear-groups", "--"];
      const [program = "", ...before] =
        phase === "detect" || phase === "build" ? ["setpriv", ...user, process.execPath] : [process.execPath];
      const child = spawn(program, [...before, packageFile("dist/lifecycle.js"), phase, ...args], {
        env: {
          PATH: "/usr/bin:/bin",
          TMPDIR: join(directory, "tmp"),
          CNB_PLATFORM_API: "0.12",
          CNB_NO_COLOR: "true",
          CNB_USER_ID: "1000",
          CNB_GROUP_ID: "1000",
          CNB_APP_DIR: join(directory, "app"),
          CNB_LAYERS_DIR: join(directory, "layers"),
          CNB_BUILDPACKS_DIR: join(directory, "buildpacks"),
          CNB_PLATFORM_DIR: join(directory, "platform"),
          CNB_ORDER_PATH: join(directory, "order.toml"),
          CNB_RUN_PATH: join(directory, "run.toml"),
          CNB_STACK_PATH: join(directory, "stack.toml"),
          ...env,
        },
        stdio: ["ignore", "pipe", "pipe"],
      });
      return follow(child).done;
    },
  };
}
