import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mavenBinding } from "../../../lifecycle/platform/build/maven-binding.ts";
import { writePlatformDirectory } from "../../../lifecycle/platform/build/platform-directory.ts";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "tspack-maven-"));
  await mkdir(join(home, ".m2"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

const settings = `<?xml version="1.0"?>
<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0">
  <servers><server><id>corp</id><username>me</username><password>SECRET</password></server></servers>
  <mirrors>
    <!-- <mirror><id>old</id><mirrorOf>*</mirrorOf><url>https://old.test/</url></mirror> -->
    <mirror>
      <id>corp</id><name>ours</name>
      <url> https://me:SECRET@maven.test/a?b=1&amp;c=2 </url>
      <mirrorOf>external:*,!local</mirrorOf>
    </mirror>
    <mirror><id>here</id><mirrorOf>x</mirrorOf><url>file:///home/me/repository</url></mirror>
    <mirror><id>variable</id><mirrorOf>y</mirrorOf><url>https://\${env.HOST}/maven</url></mirror>
  </mirrors>
</settings>`;

test("a build gets the mirrors of Maven's settings, and nothing else of them", async () => {
  await writeFile(join(home, ".m2/settings.xml"), settings);
  const bindings = await mavenBinding({ HOME: home }, []);
  const directory = join(home, "platform");
  await writePlatformDirectory({ path: directory, name: "/platform" }, { env: {}, certificates: undefined, bindings });
  const read = (name: string): Promise<string> => readFile(join(directory, "bindings/tspack-maven", name), "utf8");
  expect(await read("type")).toBe("maven");
  expect((await read("settings.xml")).replaceAll(/\s+/g, "")).toBe(
    "<settings><mirrors><mirror><id>corp</id><mirrorOf>external:*,!local</mirrorOf>" +
      "<url>https://maven.test/a?b=1&amp;c=2</url></mirror></mirrors></settings>",
  );
});

test("without mirrors, or with bindings of the person's own, there is none", async () => {
  expect(await mavenBinding({ HOME: home }, [])).toEqual({});
  await writeFile(join(home, ".m2/settings.xml"), "<settings><mirrors/></settings>");
  expect(await mavenBinding({ HOME: home }, [])).toEqual({});
  await writeFile(join(home, ".m2/settings.xml"), settings);
  expect(await mavenBinding({ HOME: home }, ["/my/maven:/platform/bindings/maven"])).toEqual({});
  expect(await mavenBinding({}, [])).toEqual({});
});
