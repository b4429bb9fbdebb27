import { describe, expect, test } from "vitest";
import { platformFeatures } from "../../../lifecycle/cnb/api/platform.ts";
import { parseReference } from "../../../lifecycle/oci/reference.ts";
import {
  type ContainerPhase,
  type EngineDestination,
  phaseContainer,
  type PhasePlan,
} from "../../../lifecycle/platform/engine/phase-containers.ts";

const registry: EngineDestination = { kind: "registry", auth: '{"r.test":"Basic c2VjcmV0"}', insecure: ["r.test"] };
const daemon: EngineDestination = { kind: "engine", access: { socket: "/run/docker.sock", address: undefined } };

function plan(changes: Partial<PhasePlan> = {}): PhasePlan {
  return {
    features: platformFeatures("0.14"),
    builderImage: "builder",
    lifecycleImage: "lifecycle",
    user: { uid: 1000, gid: 1001 },
    owner: { uid: 2000, gid: 2001 },
    names: [parseReference("r.test/app"), parseReference("r.test/app:v1")],
    runImage: "r.test/run",
    previousImage: "r.test/old",
    cacheImage: undefined,
    destination: registry,
    places: {
      layersVolume: "layers",
      appVolume: "app",
      buildCache: "build-cache",
      launchCache: undefined,
      network: "none",
      registryNetwork: "bridge",
    },
    appDir: "/workspace",
    binds: ["/m2:/m2:ro"],
    env: { HTTP_PROXY: "http://proxy" },
    hasCertificates: true,
    execEnv: "test",
    defaultProcess: "web",
    sourceDateEpoch: "1",
    clearCache: false,
    verbose: false,
    ...changes,
  };
}

const phases: readonly ContainerPhase[] = ["analyzer", "detector", "restorer", "builder", "exporter", "creator"];

describe("the container of a phase", () => {
  test("has credentials only where registries are used, and never where buildpacks run without trust", () => {
    const having = phases.filter((phase) => JSON.stringify(phaseContainer(phase, plan())).includes("c2VjcmV0"));
    expect(having).toEqual(["analyzer", "restorer", "exporter", "creator"]);
    const arguing = phases.filter((phase) => phaseContainer(phase, plan()).command.join(" ").includes("c2VjcmV0"));
    expect(arguing).toEqual([]);
  });

  test("has the engine's socket only where the image is written or looked at", () => {
    const withSocket = (api: string): readonly string[] =>
      phases.filter((phase) =>
        phaseContainer(phase, plan({ destination: daemon, features: platformFeatures(api) })).binds.some((bind) =>
          bind.startsWith("/run/docker.sock:"),
        ),
      );
    expect(withSocket("0.14")).toEqual(["analyzer", "restorer", "exporter", "creator"]);
    expect(withSocket("0.11")).toEqual(["analyzer", "exporter", "creator"]);
  });

  test("runs buildpacks as the builder's user without capabilities, in the builder, with volumes, on their network", () => {
    for (const phase of ["detector", "builder"] as const) {
      expect(phaseContainer(phase, plan())).toMatchObject({
        image: "builder",
        user: "1000:1001",
        confined: true,
        network: "none",
      });
      expect(phaseContainer(phase, plan()).binds).toEqual(["layers:/layers", "app:/workspace", "/m2:/m2:ro"]);
    }
    for (const phase of ["analyzer", "restorer", "exporter"] as const) {
      const spec = phaseContainer(phase, plan());
      expect(spec).toMatchObject({ image: "lifecycle", user: "0:0", confined: false, network: "bridge" });
      expect(spec.env).toMatchObject({ CNB_USER_ID: "2000", CNB_GROUP_ID: "2001" });
      expect(spec.binds).not.toContain("/m2:/m2:ro");
    }
  });

  test("is told by variables what it is told, so that no lifecycle meets a flag that it does not know", () => {
    expect(phaseContainer("analyzer", plan()).command).toEqual([
      "/cnb/lifecycle/analyzer",
      ...["-tag", "r.test/app:v1", "r.test/app"],
    ]);
    expect(phaseContainer("exporter", plan()).command.slice(1)).toEqual(["r.test/app", "r.test/app:v1"]);
    expect(phaseContainer("restorer", plan()).command).toEqual(["/cnb/lifecycle/restorer"]);
    expect(phaseContainer("analyzer", plan()).env).toMatchObject({
      CNB_PLATFORM_API: "0.14",
      CNB_RUN_IMAGE: "r.test/run",
      CNB_PREVIOUS_IMAGE: "r.test/old",
      CNB_INSECURE_REGISTRIES: "r.test",
      CNB_EXEC_ENV: "test",
      HTTP_PROXY: "http://proxy",
      SSL_CERT_FILE: "/platform/certificates/ca-certificates.crt",
    });
    expect(phaseContainer("exporter", plan()).env).toMatchObject({
      CNB_CACHE_DIR: "/cache",
      CNB_PROCESS_TYPE: "web",
      SOURCE_DATE_EPOCH: "1",
    });
    expect(phaseContainer("creator", plan({ clearCache: true })).env).toMatchObject({ CNB_SKIP_RESTORE: "true" });
    expect(phaseContainer("creator", plan()).env).not.toHaveProperty("CNB_SKIP_RESTORE");
  });
});
