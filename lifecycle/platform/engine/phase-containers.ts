import type { PlatformFeatures } from "../../cnb/api/platform.ts";
import type { Owner } from "../../layers/place.ts";
import type { ImageRef } from "../../oci/reference.ts";
import type { SessionContainer } from "./session.ts";

/** The phases that get a container of their own, and the one that is all of them. */
export type ContainerPhase = "analyzer" | "detector" | "restorer" | "builder" | "exporter" | "creator";

/** How phases reach the engine in which the image is to be. */
export interface DaemonAccess {
  /** Its socket where the engine runs; mounted. */
  readonly socket: string | undefined;
  /** Its address when it has no socket to mount. */
  readonly address: string | undefined;
}

/** Where the image goes. */
export type EngineDestination =
  /** `auth` is the value of `CNB_REGISTRY_AUTH`. */
  | { readonly kind: "registry"; readonly auth: string; readonly insecure: readonly string[] }
  | { readonly kind: "engine"; readonly access: DaemonAccess };

/** The volumes and the networks of a build's containers. */
export interface BuildPlaces {
  readonly layersVolume: string;
  readonly appVolume: string;
  /** A volume, or a directory where the engine runs; undefined with a cache image. */
  readonly buildCache: string | undefined;
  readonly launchCache: string | undefined;
  /** Of the phases that run buildpacks. */
  readonly network: string;
  /** Of the phases that need registries only; they have one even when buildpacks have none. */
  readonly registryNetwork: string;
}

/** All that decides how the containers of a build look. */
export interface PhasePlan {
  readonly features: PlatformFeatures;
  /** Images by ID or name: what runs buildpacks, and what runs the phases that are trusted. */
  readonly builderImage: string;
  readonly lifecycleImage: string;
  /** Of the builder's image: who runs buildpacks. */
  readonly user: Owner;
  /** Who owns what is exported. */
  readonly owner: Owner;
  readonly names: readonly ImageRef[];
  readonly runImage: string;
  readonly previousImage: string | undefined;
  readonly cacheImage: string | undefined;
  readonly destination: EngineDestination;
  readonly places: BuildPlaces;
  /** `/workspace` */
  readonly appDir: string;
  /** `--volume`, for buildpacks. */
  readonly binds: readonly string[];
  /** Proxies and the like, for every phase. */
  readonly env: Readonly<Record<string, string>>;
  /** Whether phases that use registries find `containerPaths.certificates`. */
  readonly hasCertificates: boolean;
  readonly execEnv: string | undefined;
  readonly defaultProcess: string | undefined;
  readonly sourceDateEpoch: string | undefined;
  readonly clearCache: boolean;
  readonly verbose: boolean;
}

/** Where things are in the containers. */
export const containerPaths = {
  layers: "/layers",
  platform: "/platform",
  cache: "/cache",
  launchCache: "/launch-cache",
  certificates: "/platform/certificates/ca-certificates.crt",
  socket: "/var/run/docker.sock",
} as const;

/**
 * The container of a phase. What a phase is told, it is told by variables: a lifecycle leaves aside
 * those that its Platform API does not have, while an unknown flag is an error. Only tags have no
 * variable. Credentials are in the phases that talk to registries, never in detector and builder.
 * Platform specification, "Inputs" of each phase.
 */
export function phaseContainer(phase: ContainerPhase, plan: PhasePlan): SessionContainer {
  const { places, appDir, user, builderImage, lifecycleImage } = plan;
  const runsBuildpacks = phase === "detector" || phase === "builder" || phase === "creator";
  const isTrusted = phase !== "detector" && phase !== "builder";
  const access =
    isTrusted && usesEngine(phase, plan) ? accessOf(plan.destination) : { binds: [], env: {}, options: [] };
  return {
    image: runsBuildpacks ? builderImage : lifecycleImage,
    command: [`/cnb/lifecycle/${phase}`, ...argumentsOf(phase, plan)],
    user: isTrusted ? "0:0" : `${user.uid}:${user.gid}`,
    confined: !isTrusted,
    network: runsBuildpacks ? places.network : places.registryNetwork,
    binds: [
      `${places.layersVolume}:${containerPaths.layers}`,
      // The first that has it gives it its owner, in Podman for good: that has to be one of the builder's.
      ...(phase === "analyzer" || phase === "restorer" ? [] : [`${places.appVolume}:${appDir}`]),
      ...cacheBinds(phase, places),
      ...access.binds,
      ...(runsBuildpacks ? plan.binds : []),
    ],
    env: { ...commonVariables(plan), ...(isTrusted ? trustedVariables(phase, plan) : {}), ...access.env },
    securityOptions: access.options,
  };
}

function argumentsOf(phase: ContainerPhase, { names }: PhasePlan): readonly string[] {
  const [main, ...others] = names.map(({ original }) => original);
  if (main === undefined) throw new Error("an image needs a name");
  if (phase === "exporter") return [main, ...others];
  return phase === "analyzer" || phase === "creator" ? [...others.flatMap((name) => ["-tag", name]), main] : [];
}

/** Below 0.12 the restorer knows neither run images nor engines. */
function usesEngine(phase: ContainerPhase, { features, destination }: PhasePlan): boolean {
  return destination.kind === "engine" && (phase !== "restorer" || features.runImageExtension);
}

interface Access {
  readonly binds: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly options: readonly string[];
}

function accessOf(destination: EngineDestination): Access {
  if (destination.kind === "registry") return { binds: [], env: {}, options: [] };
  const { socket, address } = destination.access;
  return {
    binds: socket === undefined ? [] : [`${socket}:${containerPaths.socket}`],
    env: { CNB_USE_DAEMON: "true", ...(address === undefined ? {} : { DOCKER_HOST: address }) },
    // SELinux gives the socket to no container otherwise.
    options: ["label=disable"],
  };
}

function cacheBinds(phase: ContainerPhase, { buildCache, launchCache }: BuildPlaces): readonly string[] {
  const reads = phase === "restorer" || phase === "exporter" || phase === "creator";
  const launches = phase === "analyzer" || phase === "exporter" || phase === "creator";
  return [
    ...(reads && buildCache !== undefined ? [`${buildCache}:${containerPaths.cache}`] : []),
    ...(launches && launchCache !== undefined ? [`${launchCache}:${containerPaths.launchCache}`] : []),
  ];
}

function commonVariables(plan: PhasePlan): Readonly<Record<string, string>> {
  return {
    ...plan.env,
    CNB_PLATFORM_API: plan.features.api,
    CNB_APP_DIR: plan.appDir,
    CNB_LAYERS_DIR: containerPaths.layers,
    CNB_PLATFORM_DIR: containerPaths.platform,
    CNB_NO_COLOR: "true",
    ...(plan.verbose ? { CNB_LOG_LEVEL: "debug" } : {}),
    ...given("CNB_EXEC_ENV", plan.execEnv),
  };
}

function trustedVariables(phase: ContainerPhase, plan: PhasePlan): Readonly<Record<string, string>> {
  const { owner, destination, places, clearCache } = plan;
  const all = phase === "creator";
  const [analyzes, restores, exports] = [
    all || phase === "analyzer",
    all || phase === "restorer",
    all || phase === "exporter",
  ];
  return {
    CNB_USER_ID: String(owner.uid),
    CNB_GROUP_ID: String(owner.gid),
    ...(plan.hasCertificates ? { SSL_CERT_FILE: containerPaths.certificates } : {}),
    ...(destination.kind === "registry" ? registryVariables(destination) : {}),
    ...(analyzes ? { CNB_RUN_IMAGE: plan.runImage, ...given("CNB_PREVIOUS_IMAGE", plan.previousImage) } : {}),
    ...given("CNB_CACHE_IMAGE", plan.cacheImage),
    ...(restores || exports ? given("CNB_CACHE_DIR", places.buildCache && containerPaths.cache) : {}),
    ...(analyzes || exports ? given("CNB_LAUNCH_CACHE_DIR", places.launchCache && containerPaths.launchCache) : {}),
    ...(clearCache ? { CNB_SKIP_LAYERS: "true", CNB_SKIP_RESTORE: "true" } : {}),
    ...(exports ? given("CNB_PROCESS_TYPE", plan.defaultProcess) : {}),
    ...(exports ? given("SOURCE_DATE_EPOCH", plan.sourceDateEpoch) : {}),
  };
}

function registryVariables({
  auth,
  insecure,
}: Extract<EngineDestination, { readonly kind: "registry" }>): Readonly<Record<string, string>> {
  return {
    CNB_REGISTRY_AUTH: auth,
    ...(insecure.length === 0 ? {} : { CNB_INSECURE_REGISTRIES: insecure.join(",") }),
  };
}

function given(name: string, value: string | undefined): Readonly<Record<string, string>> {
  return value === undefined ? {} : { [name]: value };
}
