import { parseReference } from "../../oci/reference.ts";
import { defaultNames } from "../../platform/builder/default-builder.ts";
import { inspectBuilderImage } from "../../platform/builder/inspect-builder.ts";
import { familiarName } from "../../platform/familiar-name.ts";
import { readDockerConfigFile, registriesOf } from "../../platform/login/docker-config-file.ts";
import { placesFrom } from "../../platform/places.ts";
import { officialRegistry, readSettings } from "../../platform/settings.ts";
import { dockerConfigPath } from "../../stores/docker-places.ts";
import { layoutStore, type LayoutStore } from "../../stores/layout/layout-store.ts";
import type { TspackHost } from "../toolbox.ts";
import type { Candidate, Completion, FindValues, ValueKind } from "./complete.ts";

type Find = (host: TspackHost, kind: ValueKind) => Promise<Completion>;

const fixed =
  (...values: readonly string[]): Find =>
  () =>
    Promise.resolve({ candidates: values.map((value) => ({ value })), otherwise: "nothing" });
const files: Find = () => Promise.resolve({ candidates: [], otherwise: "files" });
const directories: Find = () => Promise.resolve({ candidates: [], otherwise: "directories" });

/** The words that help has for values, and where such values are found. */
const kinds: Readonly<Record<string, Find>> = {
  image: async (host) => ({ candidates: await imageNames(host), otherwise: "nothing" }),
  name: async (host) => ({ candidates: await imageNames(host), otherwise: "files" }),
  builder: async (host) => ({ candidates: await imageNames(host), otherwise: "files" }),
  buildpack: async (host, { given }) => ({
    candidates: await buildpackIds(host, given.get("--builder")),
    otherwise: "files",
  }),
  registry: async (host) => ({ candidates: await registries(host), otherwise: "nothing" }),
  index: (host) => Promise.resolve({ candidates: buildpackRegistries(host), otherwise: "nothing" }),
  host: async (host) => ({ candidates: await registries(host), otherwise: "nothing" }),
  extension: files,
  file: files,
  path: files,
  source: files,
  stack: files,
  uri: files,
  volume: files,
  directory: directories,
  layout: directories,
  environment: fixed("production", "test"),
  network: fixed("host", "none"),
  platform: fixed("linux/amd64", "linux/arm64"),
  policy: fixed("always", "if-not-present", "never"),
  runner: fixed("auto", "engine", "sandbox", "in-place"),
  shell: fixed("bash", "zsh", "fish", "powershell"),
  target: fixed("linux/amd64", "linux/arm64"),
  time: fixed("now"),
  value: fixed("true", "false"),
  where: fixed("local", "registry", "engine", "oci:", "oci-archive:", "docker-archive:"),
};

/** The values of this machine. What can not be read has none: a completion is no place for errors. */
export function machineValues(host: TspackHost): FindValues {
  return async (kind) => {
    try {
      return (await kinds[kind.name]?.(host, kind)) ?? { candidates: [], otherwise: "nothing" };
    } catch {
      return { candidates: [], otherwise: "nothing" };
    }
  };
}

function localStore({ env }: TspackHost): LayoutStore {
  return layoutStore(placesFrom(env).images);
}

async function imageNames(host: TspackHost): Promise<readonly Candidate[]> {
  return (await localStore(host).list()).map(({ ref }) => ({ value: familiarName(ref), description: "local image" }));
}

/** Of a builder in the local store; of one elsewhere, nobody waits for a registry. */
async function buildpackIds(host: TspackHost, named: string | undefined): Promise<readonly Candidate[]> {
  const name = named ?? readSettings(placesFrom(host.env).config).defaultBuilder ?? defaultNames.builder;
  const image = await localStore(host).resolve(parseReference(name));
  if (image === undefined) return [];
  const { buildpacks } = await inspectBuilderImage(image, name, 0);
  return buildpacks.flatMap(({ id, version, name: title }) => [
    { value: id, description: title },
    { value: `${id}@${version}`, description: title },
  ]);
}

async function registries({ env }: TspackHost): Promise<readonly Candidate[]> {
  const path = dockerConfigPath(env);
  return path === undefined ? [] : registriesOf(await readDockerConfigFile(path)).map((value) => ({ value }));
}

function buildpackRegistries({ env }: TspackHost): readonly Candidate[] {
  const { buildpackRegistries: own } = readSettings(placesFrom(env).config);
  return [officialRegistry, ...own].map(({ name, url }) => ({ value: name, description: url }));
}
