/** What posthog-js and the mobile SDKs are told before they send: PostHog's remote configuration, with nothing in it that Sluice lacks. */

export interface RemoteConfigChoices {
  /** Browsers that ask are told to record their sessions. */
  readonly recordsSessions: boolean
}

/** The fields that SDKs read, without the token. A field that is not there makes some of them use what they kept from before. */
export function remoteConfig({ recordsSessions }: RemoteConfigChoices): Readonly<Record<string, unknown>> {
  return {
    supportedCompression: ['gzip', 'gzip-js'],
    analytics: { endpoint: '/i/v0/e/' },
    // So that nobody asks for flags.
    hasFeatureFlags: false,
    sessionRecording: recordsSessions ? sessionRecording : false,
    // Autocapture is on unless a page turns it off, with the chain of elements as one text.
    autocapture_opt_out: false,
    elementsChainAsString: true,
    defaultIdentifiedOnly: true,
    captureDeadClicks: false,
    capturePerformance: false,
    heatmaps: false,
    autocaptureExceptions: false,
    errorTracking: { autocaptureExceptions: false, suppressionRules: [] },
    logs: { captureConsoleLogs: false },
    surveys: false,
    productTours: false,
    conversations: false,
    siteApps: [],
    toolbarParams: {},
    isAuthenticated: false,
  }
}

const sessionRecording = {
  endpoint: '/s/',
  // A file of the same package under /static.
  scriptConfig: { script: 'posthog-recorder' },
  recorderVersion: 'v2',
  consoleLogRecordingEnabled: false,
  networkPayloadCapture: null,
  recordCanvas: false,
  canvasFps: null,
  canvasQuality: null,
  sampleRate: null,
  minimumDurationMilliseconds: null,
  linkedFlag: null,
  masking: null,
  urlTriggers: [],
  urlBlocklist: [],
  eventTriggers: [],
  triggerMatchType: null,
}

/** The configuration as a script, which posthog-js takes from `window` (one a token, as a page may have several). */
export function remoteConfigScript(token: string, config: Readonly<Record<string, unknown>>): string {
  const all = '_POSTHOG_REMOTE_CONFIG'
  const value = JSON.stringify({ config, siteApps: [] })
  return `(function () {
  window.${all} = window.${all} || {};
  window.${all}[${JSON.stringify(token)}] = ${value};
})();
`
}
