import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packEntries } from "../../lifecycle/layers/pack-entries.ts";
import type { Image } from "../../lifecycle/oci/image.ts";
import { imageFromParts } from "../../lifecycle/oci/memory-image.ts";
import { parseReference } from "../../lifecycle/oci/reference.ts";
import { memoryBlobCache } from "../../lifecycle/stores/blob-cache/memory.ts";
import { machinePlatform } from "../../lifecycle/stores/stored-image.ts";
import { appImage, runImage } from "../fakes/app-image.ts";
import { type CommandLine, commandLine, type Ran } from "../fakes/command-line.ts";
import { type FakeRegistry, startFakeRegistry } from "../fakes/registry.ts";

/** A person with an application, a buildpack and two images, and a registry that has nothing. */
export interface Fixture {
  /** Runs tspack; `REGISTRY` in an argument is the registry's host. */
  readonly run: (args: readonly string[]) => Promise<Ran>;
  /** What may not change: the working directory, the local store, the settings, what was sent to the registry. */
  readonly files: () => readonly string[];
  readonly close: () => Promise<void>;
}

/** What there is in the working directory. */
const files: Readonly<Record<string, string>> = {
  "app/main.txt": "an application\n",
  "file.txt": "text\n",
  "broken.toml": "[build\n",
  "broken.env": "NAME\n=x\n",
  "project.toml": '[_]\nschema-version = "0.2"\n',
  "builder.toml":
    '[build]\nimage = "REGISTRY/no/build"\n[[buildpacks]]\nuri = "bp"\n[[order]]\n[[order.group]]\nid = "my/bp"\n',
  "package.toml": '[buildpack]\nuri = "bp"\n',
  "bp/buildpack.toml": 'api = "0.10"\n[buildpack]\nid = "my/bp"\nversion = "1.0.0"\n[[targets]]\nos = "linux"\n',
  "bp/bin/detect": "#!/bin/sh\n",
  "bp/bin/build": "#!/bin/sh\n",
  "ext/extension.toml": 'api = "0.10"\n[extension]\nid = "my/ext"\nversion = "1.0.0"\n',
  "ext/bin/detect": "#!/bin/sh\n",
  "ext/bin/generate": "#!/bin/sh\n",
};

/** Makes the person. `hello` is an image of an application, `run` its run image. */
export async function fixture(env: Readonly<Record<string, string>> = {}): Promise<Fixture> {
  // No case gets as far as fetching packages: who tries fails at once.
  const line = commandLine({ TSPACK_DEBIAN_MIRROR: "http://127.0.0.1:1/debian", ...env });
  const registry = await startFakeRegistry();
  for (const [name, text] of Object.entries(files)) {
    const path = join(line.directory, "work", name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text.replaceAll("REGISTRY", registry.host), { mode: name.includes("/bin/") ? 0o755 : 0o644 });
  }
  const base = runImage(1);
  await line.local.write(base, [parseReference("run")]);
  await line.local.write(await appImage({ base, runImage: "run" }), [parseReference("hello")]);
  await line.local.write(runImage(5, undefined, "s390x"), [parseReference("other")]);
  await line.local.write(await builder(), [parseReference("builder")]);
  return {
    run: (args) => line.run(...args.map((text) => text.replaceAll("REGISTRY", registry.host))),
    files: () => [
      ...["work", "home/data/images", "home/config.toml"].flatMap((each) => filesOf(line, each)),
      ...sentTo(registry),
    ],
    close: async () => {
      await registry.close();
      line.remove();
    },
  };
}

/** A builder of one buildpack, whose lifecycle nobody gets as far as to start. */
async function builder(): Promise<Image> {
  const entry = { uid: 0, gid: 0, mode: 0o755 };
  const directories = [
    "/cnb",
    "/cnb/lifecycle",
    "/cnb/buildpacks",
    "/cnb/buildpacks/my_bp",
    "/cnb/buildpacks/my_bp/1.0.0",
  ];
  const contents: Readonly<Record<string, string>> = {
    "/cnb/buildpacks/my_bp/1.0.0/buildpack.toml": files["bp/buildpack.toml"] ?? "",
    "/cnb/lifecycle/builder": "",
    "/cnb/lifecycle/detector": "",
    "/cnb/lifecycle/lifecycle.toml":
      '[apis.platform]\nsupported = ["0.12"]\n[apis.buildpack]\nsupported = ["0.10"]\n[lifecycle]\nversion = "1.2.3"\n',
    "/cnb/order.toml": '[[order]]\n[[order.group]]\nid = "my/bp"\nversion = "1.0.0"\n',
    "/cnb/run.toml": '[[images]]\nimage = "run"\n',
  };
  const layer = await packEntries(
    [
      ...directories.map((name) => ({ ...entry, name, type: "dir" as const })),
      ...Object.entries(contents).map(([name, content]) => ({ ...entry, name, type: "file" as const, content })),
    ],
    memoryBlobCache(),
  );
  const { os, architecture } = machinePlatform();
  const config = { os, architecture, config: { Env: ["CNB_USER_ID=1000", "CNB_GROUP_ID=1000"] } };
  return imageFromParts({ format: "oci", layers: [layer], config });
}

/** Files below a directory. An empty directory is nothing that anybody reads. */
function filesOf(line: CommandLine, directory: string): readonly string[] {
  if (!existsSync(join(line.directory, directory))) return [];
  const entries = readdirSync(join(line.directory, directory), { withFileTypes: true });
  return entries.flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return filesOf(line, path);
    return [entry.isFile() ? `${path} ${readFileSync(join(line.directory, path)).toString("base64")}` : path];
  });
}

function sentTo({ seen }: FakeRegistry): readonly string[] {
  return seen.flatMap(({ method, url }) => (method === "GET" || method === "HEAD" ? [] : [`${method} ${url}`]));
}
