import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { basic } from "../../fakes/registry-auth.ts";
import { type DockerRegistry, startDockerRegistry } from "../../fakes/docker-registry.ts";
import { type Finished, type Person, removeAll, scratchDirectory, self } from "../tspack.ts";
import {
  type BuildDirectories,
  buildDirectories,
  type ContainerEngine,
  copyImage,
  engines,
  lacking,
  loadImage,
  runContainer,
} from "./containers.ts";

const builderImage = "tspack.local/builder:bookworm";
const password = "pass:word";
// bcrypt of the password.
const htpasswd = "ada:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";
const order = '[[order]]\n[[order.group]]\nid = "tests/hostile"\nversion = "1"\n';
const restricted = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"];

const { program, start } = engines[0];
const missing = lacking(program);

// The lifecycle and its buildpacks are in one container, as one user: the worst case.
describe.skipIf(missing.length > 0)(
  `credentials and a hostile buildpack${missing.length > 0 ? ` (needs ${missing.join(", ")})` : ""}`,
  () => {
    let engine: ContainerEngine;
    let registry: DockerRegistry;
    let person: Person;
    let open: DockerRegistry;
    const scratch = scratchDirectory("hostile");

    beforeAll(async () => {
      person = await self();
      registry = await startDockerRegistry({ htpasswd });
      open = await startDockerRegistry();
      engine = await start();
      loadImage(engine, person, builderImage);
      copyImage(person, "tspack.local/run:bookworm", `docker://${open.host}/run:bookworm`);
    });
    afterAll(async () => {
      await engine?.close();
      await registry?.close();
      await open?.close();
      removeAll(scratch);
    });

    /** Runs the creator, or what stands for it, with the hostile buildpack alone. */
    async function attack(
      name: string,
      { flags = [], owner = "1000:1000", command = ["/cnb/lifecycle/creator"], config = false }: Attack,
    ): Promise<Finished & { readonly after: string }> {
      const app = join(scratch, "app");
      mkdirSync(app, { recursive: true });
      writeFileSync(join(app, "file"), "");
      const drowssap = Array.from(password).toReversed().join("");
      const at: BuildDirectories = buildDirectories(join(scratch, name), owner, app, { DROWSSAP: drowssap });
      writeFileSync(join(at.root, "order.toml"), order);
      const insecure = [registry, open].flatMap(({ host }) => ["-insecure-registry", host]);
      const inputs = [
        "-order",
        "/order.toml",
        "-cache-dir",
        "/cache",
        "-run-image",
        `${open.host}/run:bookworm`,
        ...insecure,
      ];
      const auth = basic("ada", password);
      if (config) {
        const auths = { [registry.host]: { auth: auth.slice("Basic ".length) } };
        mkdirSync(join(at.root, "docker"), { mode: 0o700 });
        writeFileSync(join(at.root, "docker/config.json"), JSON.stringify({ auths }), { mode: 0o600 });
      }
      const finished = await runContainer(engine, {
        image: builderImage,
        flags,
        volumes: {
          "/workspace": at.app,
          "/layers": at.layers,
          "/cache": at.cache,
          "/platform": at.platform,
          "/order.toml:ro": join(at.root, "order.toml"),
          "/cnb/buildpacks/tests_hostile/1:ro": join(import.meta.dirname, "hostile"),
          ...(config ? { "/root/.docker:ro": join(at.root, "docker") } : {}),
        },
        env: {
          CNB_PLATFORM_API: "0.14",
          ...(config ? {} : { CNB_REGISTRY_AUTH: JSON.stringify({ [registry.host]: auth }) }),
        },
        network: "host",
        command: [...command, ...inputs, `${registry.host}/app`],
      });
      const found = join(at.cache, "found");
      return { ...finished, after: existsSync(found) ? readFileSync(found, "utf8") : "" };
    }

    interface Attack {
      readonly flags?: readonly string[];
      readonly owner?: string;
      readonly command?: readonly string[];
      /** Credentials in root's Docker config instead of the environment. */
      readonly config?: boolean;
    }

    it.each([
      ["as the builder's user", {}],
      ["as the builder's user without capabilities", { flags: restricted }],
      ["when root started it", { flags: ["--user", "0:0"] }],
      ["when root started it with a Docker config of its own", { flags: ["--user", "0:0"], config: true }],
      [
        "as root without capabilities",
        { flags: ["--user", "0:0", ...restricted], owner: "0:0", command: ["/cnb/lifecycle/creator", "-allow-root"] },
      ],
    ])("finds nothing %s, and the image is pushed", async (_, how: Attack) => {
      const { code, stdout, stderr, after } = await attack("guarded", how);
      expect(code, stdout + stderr).toBe(0);
      expect(stdout).toMatch(/looked at [1-9]\d* processes/);
      expect(stdout).not.toMatch(/FOUND|REACHED/);
      // A process that it left behind looked on while the image was exported.
      expect(after).toBe("looking on\n");
      expect(stdout).not.toContain(password);
    });

    it("would find the password if the lifecycle were started without its guard, which warns of it", async () => {
      const node = ["ld-linux-x86-64.so.2", "--library-path", "/cnb/lifecycle", "/cnb/lifecycle/node"];
      const command = [`/cnb/lifecycle/${node[0]}`, ...node.slice(1), "/cnb/lifecycle/lifecycle.js", "@creator"];
      const { stdout } = await attack("unguarded", { command });
      expect(stdout).toContain("FOUND /proc/1/environ");
      expect(stdout).toContain("FOUND /proc/1/mem");
      expect(stdout).not.toContain("REACHED debugger");
      expect(stdout).toMatch(/Buildpacks can read CNB_REGISTRY_AUTH in the environment of this process/);
    });

    it("is warned of when the shell that started the lifecycle has the credentials too", async () => {
      const { stdout } = await attack("shell", { command: ["sh", "-c", '/cnb/lifecycle/creator "$@"; exit $?', "sh"] });
      expect(stdout).toMatch(/Buildpacks can read CNB_REGISTRY_AUTH in the environment of process 1/);
    });
  },
);
