/** Made from the schemas of the routes by `npm run client`; a test compares them. */
export interface paths {
    "/api/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who is logged in
         * @description For users of the console.
         */
        get: operations["getSession"];
        put?: never;
        /**
         * Log in at the console
         * @description Sets the cookie of the session.
         */
        post: operations["logIn"];
        /**
         * Log out
         * @description For users of the console.
         */
        delete: operations["logOut"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/session/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Choose another password
         * @description Ends all other sessions of the user. For users of the console.
         */
        post: operations["changePassword"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Projects that the asker may see
         * @description Scope: read.
         */
        get: operations["listProjects"];
        put?: never;
        /**
         * Make a project
         * @description It has a first token. Scope: manage.
         */
        post: operations["createProject"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One project
         * @description Scope: read.
         */
        get: operations["getProject"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /**
         * Change a project
         * @description Scope: manage.
         */
        patch: operations["changeProject"];
        trace?: never;
    };
    "/api/projects/{id}/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make a token
         * @description SDKs may send with it at once. Scope: manage.
         */
        post: operations["createToken"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/tokens/{token}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a token
         * @description The door refuses it within seconds. The last one may be revoked too. Scope: manage.
         */
        delete: operations["revokeToken"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Personal keys that hold
         * @description Scope: manage.
         */
        get: operations["listKeys"];
        put?: never;
        /**
         * Make a personal key
         * @description With scopes that the asker has. Scope: manage.
         */
        post: operations["createKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/keys/{key_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a personal key
         * @description Scope: manage.
         */
        delete: operations["revokeKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Settings that bound what people send and ask
         * @description Scope: read.
         */
        get: operations["listLimits"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/limits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Limits of a project, oldest first, and how much of them is used
         * @description Scope: read.
         */
        get: operations["listProjectLimits"];
        put?: never;
        /**
         * Limit what the door lets in
         * @description Holds within a second. An event counts against the limit of its own name and against that of its resource. A limit of one token stands in place of that of all tokens for the same type. A project has one limit of a token and event type: a second one is refused with 409. Scope: manage.
         */
        post: operations["createProjectLimit"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/limits/{limit_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a limit
         * @description Scope: manage.
         */
        delete: operations["removeProjectLimit"];
        options?: never;
        head?: never;
        /**
         * Change a limit
         * @description Holds within a second. What was counted stays counted. Scope: manage.
         */
        patch: operations["changeProjectLimit"];
        trace?: never;
    };
    "/api/projects/{id}/restrictions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Restrictions of a project, oldest first
         * @description Scope: read.
         */
        get: operations["listRestrictions"];
        put?: never;
        /**
         * Restrict some events
         * @description Holds within a second. To change one, make another and delete it. Scope: manage.
         */
        post: operations["createRestriction"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/restrictions/{restriction_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Remove a restriction
         * @description Scope: manage.
         */
        delete: operations["removeRestriction"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/signing-secrets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Secrets for signatures that hold, oldest first
         * @description Scope: manage.
         */
        get: operations["listSigningSecrets"];
        put?: never;
        /**
         * Make a secret for signatures
         * @description From the first one on, the project takes signed requests alone: browsers, which cannot keep a secret, are refused. Make a second one and delete the first to change it without a gap. Scope: manage.
         */
        post: operations["createSigningSecret"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/signing-secrets/{secret_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Revoke a secret for signatures
         * @description When it was the last one, requests need no signature any more. Scope: manage.
         */
        delete: operations["revokeSigningSecret"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Who changed what, newest first
         * @description Of the organisation, and of the installation as a whole. Secrets are in none of it. Scope: manage.
         */
        get: operations["listAudit"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/insights": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Insights of a project, oldest first
         * @description Scope: read.
         */
        get: operations["listInsights"];
        put?: never;
        /**
         * Keep a question
         * @description Scope: write.
         */
        post: operations["createInsight"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/insights/{insight_id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One insight
         * @description Scope: read.
         */
        get: operations["getInsight"];
        put?: never;
        post?: never;
        /**
         * Delete an insight
         * @description Scope: write.
         */
        delete: operations["deleteInsight"];
        options?: never;
        head?: never;
        /**
         * Change an insight
         * @description Scope: write.
         */
        patch: operations["changeInsight"];
        trace?: never;
    };
    "/api/projects/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The newest events that match
         * @description Scope: read.
         */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/events/{uuid}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * One event, and where it stands in the log
         * @description Scope: read.
         */
        get: operations["getEvent"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/event-names": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Names of the events of the last 30 days
         * @description Scope: read.
         */
        get: operations["listEventNames"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/properties": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Names of properties of the newest events
         * @description Scope: read.
         */
        get: operations["listProperties"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/property-values": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Values of a property of the newest events
         * @description Scope: read.
         */
        get: operations["listPropertyValues"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/trend": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * How often something happened, over time
         * @description Scope: read.
         */
        post: operations["askTrend"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/funnel": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * How many users went through some steps in order
         * @description Scope: read.
         */
        post: operations["askFunnel"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/retention": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * How many users came back
         * @description Scope: read.
         */
        post: operations["askRetention"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/sql": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Ask in SQL
         * @description Scope: read.
         */
        post: operations["askSql"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/schema": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What SQL can name
         * @description Scope: read.
         */
        get: operations["describeTables"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/recordings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sessions that were recorded
         * @description Scope: read.
         */
        get: operations["listRecordings"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/recordings/{session_id}/snapshots": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Snapshots of a recorded session, in their order
         * @description Scope: read.
         */
        get: operations["listSnapshots"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/events/{uuid}/journey": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * What became of an event
         * @description Also of events that were refused, sent twice or are on their way. One that is not known, or is of another project, has the fate `unknown`. Scope: read.
         */
        get: operations["getJourney"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events that went nowhere, newest first
         * @description Scope: read.
         */
        get: operations["listDeadLetters"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/pipeline": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * How everything runs
         * @description Scope: read.
         */
        get: operations["getPipeline"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/projects/{id}/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Events as they come in
         * @description A stream that begins with `event: open`. Then `event: event`, with the event as data (properties over 8 KiB are left out: `properties_cut`), and `event: gap` with `{missed: int|null, reason: "slow_reader"|"rate"|"too_old"|"restarted"}` in the place of events that are left out. An `id` without data only moves the last id. A comment every 15 s says that the stream is alive. Scope: read.
         */
        get: operations["followEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * AuditLine
         * @description One change, by one who made it.
         */
        AuditLine: {
            id: number;
            /** Format: date-time */
            at: string;
            /** @description Null when it is about no single project. */
            project: number | null;
            actor: {
                /**
                 * @description A personal key, a user of the console, a command on the machine, or Sluice itself.
                 * @enum {string}
                 */
                kind: "key" | "user" | "cli" | "system";
                id: string;
                /** @description Label of the key or login of the user. */
                name: string | null;
                /** @description From where it was asked, when it was asked over HTTP. */
                address: string | null;
            };
            /** @description What was done to what, as limit.created. */
            action: string;
            /** @description What it was done to: an id, a token, a login. */
            subject: string;
            /** @description What was said before. */
            before: {
                [key: string]: unknown;
            } | null;
            /** @description What is said from then on. */
            after: {
                [key: string]: unknown;
            } | null;
        };
        /**
         * Breakdown
         * @description What an answer is broken down by.
         */
        Breakdown: {
            /** @enum {string} */
            kind: "event";
        } | components["schemas"]["PropertyBreakdown"];
        /** CreatedKey */
        CreatedKey: {
            /** Format: uuid */
            id: string;
            label: string;
            scopes: ("read" | "write" | "manage")[];
            /** Format: date-time */
            created_at: string;
            /** @description To the minute. */
            last_used_at: string | null;
            /** @description The key itself. It is kept nowhere and shown this once. */
            key: string;
        };
        /** CreatedSigningSecret */
        CreatedSigningSecret: {
            /** Format: uuid */
            id: string;
            label: string;
            /** Format: date-time */
            created_at: string;
            /** @description The secret itself, shown this once. */
            secret: string;
        };
        /** CreatedToken */
        CreatedToken: {
            token: string;
        };
        /**
         * DeadLetter
         * @description An event that went nowhere, and why.
         */
        DeadLetter: {
            /** @description Empty when the source of a parked event is not in the log any more. */
            uuid: string;
            stage: "door" | "ingestion";
            step: string;
            reason: string;
            /** Format: date-time */
            at: string;
            distinct_id: string;
            position: components["schemas"]["Position"];
            /** @description The event as it was sent, cut at 4 KiB, without its project token. */
            raw: string;
        };
        /** EventAnswer */
        EventAnswer: {
            event: {
                uuid: string;
                event: string;
                distinct_id: string;
                /**
                 * Format: date-time
                 * @description When it happened.
                 */
                timestamp: string;
                /**
                 * Format: date-time
                 * @description When the door accepted it.
                 */
                accepted_at: string;
                properties: {
                    [key: string]: unknown;
                };
                /** @description Where it stands in the log. */
                position: {
                    incarnation: number;
                    partition: number;
                    offset: number;
                };
            };
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
        };
        /** EventNamesAnswer */
        EventNamesAnswer: {
            /** @description Most frequent first. */
            names: {
                name: string;
                /** @description Events of the last 30 days. */
                count: number;
                /**
                 * Format: date-time
                 * @description Time of the newest.
                 */
                last_seen: string;
            }[];
        };
        /** EventsAnswer */
        EventsAnswer: {
            /** @description Newest first. */
            events: components["schemas"]["StoredEvent"][];
            /** @description Ask with it as `cursor` for the next page; null: there is none. */
            next_cursor: string | null;
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
        };
        /** FunnelAnswer */
        FunnelAnswer: {
            /** @description Without a breakdown one entry, whose value is null. */
            breakdowns: {
                /** @description Text of the property in the user's first event of step 1 in the period; null: not set. */
                value: string | null;
                /** @description Everything that did not make the limit, as one. */
                is_other: boolean;
                steps: {
                    event: string;
                    name: string;
                    /** @description Users who came to this step at least. */
                    users: number;
                    /** @description Share of the users of the first step, 0 to 1. */
                    from_start: number;
                    /** @description Share of the users of the step before, 0 to 1; 1 for the first step. 0 where there is nobody. */
                    from_previous: number;
                }[];
            }[];
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
        };
        /**
         * FunnelQuestion
         * @description How many users went through some steps in order. A user is at step n when the n steps happened one after the other, or at the same time, within the window from the first; one event that fits several steps counts for each of them.
         */
        FunnelQuestion: {
            steps: {
                event: string;
                /** @description Conditions that all have to hold. */
                filters?: components["schemas"]["PropertyFilter"][];
                /** @description How the answer calls the step. */
                name?: string;
            }[];
            /**
             * Format: date-time
             * @description Beginning of the period, inclusive. Not before 1970.
             */
            from: string;
            /**
             * Format: date-time
             * @description End of the period, exclusive. Not after 2100.
             */
            to: string;
            /**
             * @description Longest time from the first step to the last.
             * @default 1209600
             */
            window_seconds: number;
            /** @description Conditions that all have to hold. */
            filters?: components["schemas"]["PropertyFilter"][];
            breakdown?: components["schemas"]["PropertyBreakdown"];
            /**
             * @description So many of the most frequent values stand alone; the others are one, `is_other`.
             * @default 10
             */
            breakdown_limit: number;
        };
        /**
         * Insight
         * @description A question that is kept.
         */
        Insight: {
            /** Format: uuid */
            id: string;
            name: string;
            /**
             * @description Which question it is.
             * @enum {string}
             */
            kind: "trend" | "funnel" | "retention" | "sql";
            /** @description As the route of its kind takes it. */
            question: {
                [key: string]: unknown;
            };
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
        };
        /**
         * InsightChange
         * @description What is left out stays.
         */
        InsightChange: {
            /** @description What it is called. */
            name?: string;
            /** @description As the route of its kind takes it. */
            question?: {
                [key: string]: unknown;
            };
        };
        /**
         * Journey
         * @description Everything that happened to one event.
         */
        Journey: {
            uuid: string;
            /** @enum {unknown} */
            fate: "in_table" | "waiting" | "refused" | "duplicate" | "dropped" | "parked" | "damaged" | "gone" | "unknown";
            /** @description The same in a sentence or two, for people. */
            summary: string;
            /** @description Each time that an event with this uuid came to the door, oldest first. */
            occurrences: {
                accepted_at: string | null;
                steps: components["schemas"]["JourneyStep"][];
            }[];
            searched: {
                /** @description Retention removed what lies before. Null: no log yet. */
                from: string | null;
                /** Format: date-time */
                through: string;
                /** @description False when limits or damage left something out. */
                complete: boolean;
            };
        };
        /**
         * JourneyStep
         * @description What one stage did with an event.
         */
        JourneyStep: {
            /** @enum {unknown} */
            stage: "door" | "ingestion" | "warehouse" | "table";
            /** @description door: stored, duplicate, refused. ingestion: waiting, row, dropped, parked, damaged, decided. warehouse: waiting, inserted. table: row, replaced, expired, missing. */
            verdict: string;
            at: string | null;
            lane: string | null;
            position: components["schemas"]["Position"] | null;
            reason: string | null;
            /** @description Deduplication token of the insert. */
            token: string | null;
            /** @description For people. */
            detail: string;
        };
        /**
         * Key
         * @description A personal key, without the key itself.
         */
        Key: {
            /** Format: uuid */
            id: string;
            label: string;
            scopes: ("read" | "write" | "manage")[];
            /** Format: date-time */
            created_at: string;
            /** @description To the minute. */
            last_used_at: string | null;
        };
        /** Limit */
        Limit: {
            /** @description Section and name of the setting. */
            name: string;
            value: number;
            unit: "bytes" | "ms" | "count";
            description: string;
            /** @description The variable that sets it. */
            environment: string;
        };
        /**
         * LimitUsed
         * @description How much of a limit a token has used.
         */
        LimitUsed: {
            token: string;
            /** @description Events of the present period; null without a quota. */
            quota_events: number | null;
            /** @description What is taken from the bucket now; null without a rate. */
            rate_events: number | null;
        };
        /** Login */
        Login: {
            login: string;
            password: string;
        };
        /** NewInsight */
        NewInsight: {
            /** @description What it is called. */
            name: string;
            /**
             * @description Which question it is.
             * @enum {string}
             */
            kind: "trend" | "funnel" | "retention" | "sql";
            /** @description As the route of its kind takes it. */
            question: {
                [key: string]: unknown;
            };
        };
        /** NewKey */
        NewKey: {
            /** @description What it is for. */
            label: string;
            scopes: ("read" | "write" | "manage")[];
        };
        /** NewProject */
        NewProject: {
            /** @description What it is called. */
            name: string;
        };
        /**
         * NewProjectLimit
         * @description With a quota, a rate, or both.
         */
        NewProjectLimit: {
            /** @description A token of the project, or null: each token, counted by itself. */
            token?: string | null;
            /** @description The name of an event, or one of @events, @recordings, @exceptions, @surveys, @llm_events: all events, recordings, exceptions, answers to surveys, events of language models. */
            event_type: string;
            quota?: components["schemas"]["Quota"] | null;
            rate?: components["schemas"]["Rate"] | null;
        };
        /** NewRestriction */
        NewRestriction: {
            /**
             * @description drop_event_from_ingestion: the sender hears that all is well, and nothing is kept. force_overflow_from_ingestion: they wait while others do not. skip_person_processing: without a person. redirect_to_dlq: they become dead letters. redirect_to_topic: into the lane `topic`.
             * @enum {string}
             */
            kind: "drop_event_from_ingestion" | "force_overflow_from_ingestion" | "skip_person_processing" | "redirect_to_dlq" | "redirect_to_topic";
            /**
             * @description The lane of redirect_to_topic.
             * @enum {string}
             */
            topic?: "events_plugin_ingestion" | "historical_events" | "events_plugin_ingestion_overflow" | "exceptions" | "client_warnings" | "events_plugin_ingestion_ai";
            /** @description Tokens of the project that sent them. */
            tokens?: string[];
            /** @description Distinct ids. */
            distinct_ids?: string[];
            /** @description Ids of sessions ($session_id). */
            session_ids?: string[];
            /** @description Names of events. */
            event_names?: string[];
            /** @description Ids of events. */
            event_uuids?: string[];
            /** @description Kinds of events. */
            pipelines?: ("analytics" | "session_recordings" | "ai" | "errortracking")[];
        };
        /** NewSigningSecret */
        NewSigningSecret: {
            /** @description Who signs with it. */
            label: string;
        };
        /** NewToken */
        NewToken: {
            /** @description Where its events may go; all lanes when left out. Events for other lanes are refused one by one. */
            lanes?: ("events_plugin_ingestion" | "historical_events" | "events_plugin_ingestion_overflow" | "exceptions" | "client_warnings" | "events_plugin_ingestion_ai" | "heatmaps_ingestion" | "session_recording_snapshot_item_events")[];
        };
        /** PasswordChange */
        PasswordChange: {
            current_password: string;
            new_password: string;
        };
        /**
         * Pipeline
         * @description How everything runs.
         */
        Pipeline: {
            /** @description True when there are no problems. */
            healthy: boolean;
            /** @description What is wrong, in sentences. */
            problems: string[];
            /** Format: date-time */
            complete_through: string;
            /** @description Accepted events that are not in the table yet; canaries are not counted. */
            waiting_events: number;
            /** @description Milliseconds; null when nothing waits. Canaries count here: they are what waits when nothing else does. */
            oldest_waiting_ms: number | null;
            /** @description In the order of the flow; counts since the installation began. */
            stages: {
                /** @enum {unknown} */
                name: "door" | "ingestion" | "warehouse";
                in: number;
                out: number;
                /** @description What came in and did not go out, by why; canaries are in no other count. */
                counts: {
                    /** @enum {unknown} */
                    name: "duplicate" | "refused" | "quota_limited" | "rate_limited" | "dropped" | "dead_letter" | "damaged" | "canary";
                    count: number;
                }[];
                waiting: number;
                /** @description Milliseconds; null when nothing waits. Canaries count here: they are what waits when nothing else does. */
                oldest_waiting_ms: number | null;
            }[];
            /** @description Books that do not add up: an alarm. */
            imbalances: string[];
            lanes: {
                lane: string;
                /** @description With canaries, as all numbers of a lane are. */
                records: number;
                readers: {
                    name: string;
                    lag: number;
                    /** @description Milliseconds; null when nothing waits. Canaries count here: they are what waits when nothing else does. */
                    oldest_waiting_ms: number | null;
                }[];
                partitions: {
                    partition: number;
                    /** @description The offset that the next record will get. */
                    end: number;
                    /** @description Of the reader that is farthest behind. */
                    lag: number;
                }[];
            }[];
            canary: {
                /** @description When canary events last came through. */
                arrived_at: string | null;
                /** @description How long they took. */
                duration_ms: number | null;
                /** @description Why the last ones did not come through. */
                failure: string | null;
            };
            /** @description Since the installation began, most frequent first; of all projects. */
            dead_letters: {
                /** @enum {unknown} */
                stage: "door" | "ingestion";
                step: string;
                reason: string;
                count: number;
            }[];
            processes: {
                role: string;
                state: string;
                pid: number | null;
                /** Format: date-time */
                started_at: string;
                restarts: number;
            }[];
            warehouse: {
                rows: number;
                bytes_on_disk: number;
                parts: number;
            };
        };
        /**
         * Position
         * @description Where a record stands in its lane.
         */
        Position: {
            /** @description Null where it cannot be told any more. */
            incarnation: number | null;
            partition: number;
            offset: number;
        };
        /**
         * Problem
         * @description Why a request was not answered (RFC 9457).
         */
        Problem: {
            /** @description Always about:blank; `code` says which problem it is. */
            type: string;
            /** @description What the status means. */
            title: string;
            status: number;
            /** @description What is wrong and what to do, for people. */
            detail: string;
            /** @description Stable, for programs. */
            code: string;
            /** @description What is wrong with the fields of the request. */
            errors?: {
                field: string;
                message: string;
            }[];
        };
        /**
         * Project
         * @description What events are kept apart by.
         */
        Project: {
            id: number;
            name: string;
            /**
             * @description How the door answers refused events: as SDKs need it, or with a status for each refusal.
             * @enum {string}
             */
            answers: "sdk" | "strict";
            /** @description How long events are kept; null: for ever. */
            event_retention_days: number | null;
            /** Format: date-time */
            created_at: string;
            /** @description By which SDKs write, oldest first. */
            tokens: string[];
            /** @description Those of them that may not write everything. */
            token_lanes: components["schemas"]["TokenLanes"][];
        };
        /**
         * ProjectChange
         * @description What is left out stays.
         */
        ProjectChange: {
            /** @description What it is called. */
            name?: string;
            /**
             * @description How the door answers refused events: as SDKs need it, or with a status for each refusal.
             * @enum {string}
             */
            answers?: "sdk" | "strict";
            /** @description For events that are stored from now on; null: for ever. */
            event_retention_days?: number | null;
        };
        /**
         * ProjectLimit
         * @description What the door lets in of one type of event.
         */
        ProjectLimit: {
            /** Format: uuid */
            id: string;
            /** @description The only token that it is about; null: each token, counted by itself. */
            token: string | null;
            event_type: string;
            quota: components["schemas"]["Quota"] | null;
            rate: components["schemas"]["Rate"] | null;
            /** Format: date-time */
            created_at: string;
            /** Format: date-time */
            updated_at: string;
            /** @description By token, as the door counts now, without those that have a limit of their own for the same type; null when the door does not answer. */
            used: components["schemas"]["LimitUsed"][] | null;
        };
        /**
         * ProjectLimitChange
         * @description What is left out stays; null takes it away. One of both has to be left.
         */
        ProjectLimitChange: {
            quota?: components["schemas"]["Quota"] | null;
            rate?: components["schemas"]["Rate"] | null;
        };
        /** PropertiesAnswer */
        PropertiesAnswer: {
            /** @description What the newest 1,000 events have, most frequent first. */
            properties: {
                name: string;
                /** @description It has a column of its own: questions about it are fast. */
                has_column: boolean;
            }[];
        };
        /**
         * PropertyBreakdown
         * @description By the text of a property.
         */
        PropertyBreakdown: {
            /** @enum {string} */
            kind: "property";
            /** @description Name of a property of events. */
            property: string;
        };
        /**
         * PropertyFilter
         * @description A condition on a property. Its text is the string itself, a number or boolean as in JSON, an object or list as JSON; missing, null and an empty string all count as not set, with an empty text.
         */
        PropertyFilter: {
            /** @description Name of a property of events. */
            property: string;
            /**
             * @description exact and is_not compare texts, gt to lte numbers (what is no number never matches); is_not, not_icontains and not_regex match events without the property too.
             * @enum {string}
             */
            operator: "exact" | "is_not" | "icontains" | "not_icontains" | "regex" | "not_regex" | "gt" | "gte" | "lt" | "lte" | "is_set" | "is_not_set";
            /** @description What to compare with. A list, for exact and is_not alone, means any of them and none of them. */
            value?: string | number | boolean | (string | number)[];
        };
        /** PropertyValuesAnswer */
        PropertyValuesAnswer: {
            /** @description At most 50, of the newest 10,000 events of the last 64 days that have it, most frequent first. */
            values: {
                value: string;
                count: number;
            }[];
        };
        /**
         * Quota
         * @description So many stored events in a period.
         */
        Quota: {
            /** @description 0 lets none in. */
            events_max: number;
            /**
             * @description Of the calendar, in UTC. The count begins anew with each.
             * @enum {string}
             */
            period: "minute" | "hour" | "day" | "month" | "ever";
        };
        /**
         * Rate
         * @description A token bucket: each stored event takes one.
         */
        Rate: {
            /** @description What comes back a second. */
            events_per_second: number;
            /** @description What the full bucket holds. */
            burst_events_max: number;
        };
        /**
         * RecordedSession
         * @description A session that was recorded.
         */
        RecordedSession: {
            /** @description The session id that the SDK made. */
            id: string;
            /** @description Who was recorded, as the first snapshots say. */
            distinct_id: string;
            /**
             * Format: date-time
             * @description Time of its first snapshots.
             */
            started_at: string;
            /**
             * Format: date-time
             * @description Time of its newest snapshots.
             */
            ended_at: string;
            /** @description Snapshots in all. */
            snapshot_count: number;
            /** @description Size of the snapshots as JSON. */
            bytes: number;
            /** @description `web` or `mobile`. */
            snapshot_source: string;
            /** @description The SDK that recorded. */
            snapshot_library: string;
        };
        /** RecordingsAnswer */
        RecordingsAnswer: {
            /** @description The newest first, by their beginning. */
            recordings: components["schemas"]["RecordedSession"][];
            /** @description Ask with it as `cursor` for the next page; null: there is none. */
            next_cursor: string | null;
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
        };
        /**
         * Restriction
         * @description What the door does with events that match every filter, each by one of its values. An empty filter filters nothing; without any filter it is about all events of the project.
         */
        Restriction: {
            /** Format: uuid */
            id: string;
            /**
             * @description drop_event_from_ingestion: the sender hears that all is well, and nothing is kept. force_overflow_from_ingestion: they wait while others do not. skip_person_processing: without a person. redirect_to_dlq: they become dead letters. redirect_to_topic: into the lane `topic`.
             * @enum {string}
             */
            kind: "drop_event_from_ingestion" | "force_overflow_from_ingestion" | "skip_person_processing" | "redirect_to_dlq" | "redirect_to_topic";
            topic: ("events_plugin_ingestion" | "historical_events" | "events_plugin_ingestion_overflow" | "exceptions" | "client_warnings" | "events_plugin_ingestion_ai") | null;
            /** @description Tokens of the project that sent them. */
            tokens: string[];
            /** @description Distinct ids. */
            distinct_ids: string[];
            /** @description Ids of sessions ($session_id). */
            session_ids: string[];
            /** @description Names of events. */
            event_names: string[];
            /** @description Ids of events. */
            event_uuids: string[];
            /** @description Kinds of events. */
            pipelines: ("analytics" | "session_recordings" | "ai" | "errortracking")[];
            /** Format: date-time */
            created_at: string;
        };
        /** RetentionAnswer */
        RetentionAnswer: {
            cohorts: {
                /**
                 * Format: date-time
                 * @description Beginning of the interval.
                 */
                start: string;
                /** @description Users of the cohort. */
                users: number;
                /** @description At index k, how many of them did the return event k intervals later, at 0 in the same. Only intervals that have begun by `to`. */
                returned: number[];
            }[];
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
        };
        /**
         * RetentionQuestion
         * @description How many users came back. At most 400 intervals from `from` to `to`.
         */
        RetentionQuestion: {
            /** @description A user belongs to the cohort of each interval in which it did this. */
            start: {
                /** @description Name of the event; without it, every event. */
                event?: string;
                /** @description Conditions that all have to hold. */
                filters?: components["schemas"]["PropertyFilter"][];
            };
            /** @description What counts as coming back. */
            return: {
                /** @description Name of the event; without it, every event. */
                event?: string;
                /** @description Conditions that all have to hold. */
                filters?: components["schemas"]["PropertyFilter"][];
            };
            /**
             * Format: date-time
             * @description Beginning of the period, inclusive. Not before 1970.
             */
            from: string;
            /**
             * Format: date-time
             * @description End of the period, exclusive. Not after 2100.
             */
            to: string;
            /**
             * @description Weeks begin on Monday.
             * @enum {string}
             */
            interval: "day" | "week" | "month";
            /**
             * @description IANA name of the time zone in which intervals begin, like Europe/Berlin.
             * @default UTC
             */
            timezone: string;
            /** @description Intervals looked at for each cohort, its own included. */
            periods: number;
        };
        /**
         * Session
         * @description Who is logged in.
         */
        Session: {
            user: {
                id: string;
                login: string;
            };
            organization: {
                id: string;
                name: string;
            };
            /** @description Everything else is refused until the password is changed. */
            must_change_password: boolean;
        };
        /**
         * SigningSecret
         * @description A secret for signatures, without the secret itself.
         */
        SigningSecret: {
            /** Format: uuid */
            id: string;
            label: string;
            /** Format: date-time */
            created_at: string;
        };
        /**
         * SnapshotBatch
         * @description Snapshots that came in one request.
         */
        SnapshotBatch: {
            uuid: string;
            /**
             * Format: date-time
             * @description When the first of its snapshots was taken.
             */
            timestamp: string;
            /** @description The tab of the session. */
            window_id: string;
            /** @description As the SDK took them (rrweb), in their order. */
            snapshots: unknown[];
        };
        /** SnapshotsAnswer */
        SnapshotsAnswer: {
            /** @description By time, then as the door took them. */
            batches: components["schemas"]["SnapshotBatch"][];
            /** @description Ask with it as `cursor` for the next page; null: there is none. */
            next_cursor: string | null;
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
        };
        /**
         * SqlAnswer
         * @description Rows that answer a question in SQL.
         */
        SqlAnswer: {
            columns: {
                name: string;
                /** @description As ClickHouse says it. */
                type: string;
            }[];
            /** @description Values in the order of the columns. */
            rows: unknown[][];
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
            /** @description Time that the engine took. */
            elapsed_ms: number;
            /** @description Rows that the engine looked at. */
            rows_read: number;
        };
        /**
         * SqlQuestion
         * @description A question in SQL.
         */
        SqlQuestion: {
            /** @description One SELECT over the tables `events`, `session_recording_events` and `heatmaps`. */
            query: string;
            /** @description Bound where the query says {name:Type}. */
            parameters?: {
                [key: string]: unknown;
            };
        };
        /**
         * SqlVocabulary
         * @description What SQL over the project can name.
         */
        SqlVocabulary: {
            tables: {
                name: string;
                columns: {
                    name: string;
                    type: string;
                    /** @description May be empty. */
                    description: string;
                }[];
            }[];
            /** @description Functions that a question may call. */
            functions: string[];
        };
        /**
         * StoredEvent
         * @description An event as the table has it.
         */
        StoredEvent: {
            uuid: string;
            event: string;
            distinct_id: string;
            /**
             * Format: date-time
             * @description When it happened.
             */
            timestamp: string;
            /**
             * Format: date-time
             * @description When the door accepted it.
             */
            accepted_at: string;
            properties: {
                [key: string]: unknown;
            };
        };
        /**
         * TokenLanes
         * @description A token and the lanes that it may write.
         */
        TokenLanes: {
            token: string;
            lanes: ("events_plugin_ingestion" | "historical_events" | "events_plugin_ingestion_overflow" | "exceptions" | "client_warnings" | "events_plugin_ingestion_ai" | "heatmaps_ingestion" | "session_recording_snapshot_item_events")[];
        };
        /** TrendAnswer */
        TrendAnswer: {
            intervals: string[];
            series: {
                /** @description Index of the series in the question. */
                series: number;
                name: string;
                /** @description A value for each breakdown of the question; null: not set. Empty for `is_other`. */
                breakdown: (string | null)[];
                /** @description Everything that did not make the limit, as one. */
                is_other: boolean;
                /** @enum {string} */
                period: "current" | "previous";
                /** @description One for each interval. Null where there is no number to compute with; counts are 0 then. */
                values: (number | null)[];
                /** @description Over the whole period; of unique users not the sum. */
                total: number | null;
            }[];
            /**
             * Format: date-time
             * @description Every event accepted up to this time is counted.
             */
            complete_through: string;
            /** @description Events that were accepted and are not in the table yet; events of the health check are not counted. */
            waiting_events: number;
            /** @description Accepted events that will not come into the table by themselves, of all projects: what ingestion set aside as dead letters, and rows that the table refused for good. Not what the door refused: its sender was told. */
            parked_events: number;
        };
        /**
         * TrendQuestion
         * @description How often something happened, over time. At most 2000 intervals.
         */
        TrendQuestion: {
            series: {
                /** @description Name of the event; without it, every event. */
                event?: string;
                /**
                 * @description total counts events, unique_users distinct ids; the others compute with the numbers of `property` and leave out what is no number.
                 * @enum {string}
                 */
                math: "total" | "unique_users" | "sum" | "avg" | "min" | "max" | "median" | "p90" | "p95" | "p99";
                /** @description Name of a property of events. */
                property?: string;
                /** @description Conditions that all have to hold. */
                filters?: components["schemas"]["PropertyFilter"][];
                /** @description How the answer calls the series. */
                name?: string;
            }[];
            /**
             * Format: date-time
             * @description Beginning of the period, inclusive. Not before 1970.
             */
            from: string;
            /**
             * Format: date-time
             * @description End of the period, exclusive. Not after 2100.
             */
            to: string;
            /**
             * @description Weeks begin on Monday.
             * @enum {string}
             */
            interval: "minute" | "hour" | "day" | "week" | "month";
            /**
             * @description IANA name of the time zone in which intervals begin, like Europe/Berlin.
             * @default UTC
             */
            timezone: string;
            /** @description Conditions that all have to hold. */
            filters?: components["schemas"]["PropertyFilter"][];
            breakdowns?: components["schemas"]["Breakdown"][];
            /**
             * @description So many of the most frequent values stand alone; the others are one, `is_other`.
             * @default 10
             */
            breakdown_limit: number;
            /** @description Ask about the period before too: the same times, as many intervals earlier as the period has. */
            compare_previous?: boolean;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Who is logged in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description Who is logged in. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Session"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    logOut: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordChange"];
            };
        };
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProjects: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        projects: components["schemas"]["Project"][];
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createProject: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProject"];
            };
        };
        responses: {
            /** @description What events are kept apart by. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getProject: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What events are kept apart by. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeProject: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        /** @description What is left out stays. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectChange"];
            };
        };
        responses: {
            /** @description What events are kept apart by. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Project"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewToken"] | null;
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedToken"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeToken: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description The token itself. */
                token: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listKeys: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        keys: components["schemas"]["Key"][];
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewKey"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedKey"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Id of the key. */
                key_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listLimits: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        limits: components["schemas"]["Limit"][];
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProjectLimits: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        limits: components["schemas"]["ProjectLimit"][];
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createProjectLimit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        /** @description With a quota, a rate, or both. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewProjectLimit"];
            };
        };
        responses: {
            /** @description What the door lets in of one type of event. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectLimit"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeProjectLimit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the limit. */
                limit_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeProjectLimit: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the limit. */
                limit_id: string;
            };
            cookie?: never;
        };
        /** @description What is left out stays; null takes it away. One of both has to be left. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["ProjectLimitChange"];
            };
        };
        responses: {
            /** @description What the door lets in of one type of event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ProjectLimit"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRestrictions: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        restrictions: components["schemas"]["Restriction"][];
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createRestriction: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewRestriction"];
            };
        };
        responses: {
            /** @description What the door does with events that match every filter, each by one of its values. An empty filter filters nothing; without any filter it is about all events of the project. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Restriction"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    removeRestriction: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the restriction. */
                restriction_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSigningSecrets: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        signing_secrets: components["schemas"]["SigningSecret"][];
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createSigningSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewSigningSecret"];
            };
        };
        responses: {
            /** @description Default Response */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["CreatedSigningSecret"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeSigningSecret: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the secret. */
                secret_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listAudit: {
        parameters: {
            query?: {
                /** @description Changes of this project alone. */
                project?: number;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                /** @description 50 when left out. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        lines: components["schemas"]["AuditLine"][];
                        /** @description For the next page; null when there is none. */
                        next_cursor: string | null;
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listInsights: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        insights: components["schemas"]["Insight"][];
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createInsight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["NewInsight"];
            };
        };
        responses: {
            /** @description A question that is kept. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Insight"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getInsight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the insight. */
                insight_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A question that is kept. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Insight"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteInsight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the insight. */
                insight_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            204: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    changeInsight: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the insight. */
                insight_id: string;
            };
            cookie?: never;
        };
        /** @description What is left out stays. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["InsightChange"];
            };
        };
        responses: {
            /** @description A question that is kept. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Insight"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Only events of exactly this name. */
                event?: string;
                /** @description Only events of exactly this user. */
                distinct_id?: string;
                /** @description Only events of this time or later. */
                after?: string;
                /** @description Only events earlier than this. */
                before?: string;
                /** @description JSON of a list of PropertyFilter. */
                filters?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventsAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getEvent: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the event. */
                uuid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listEventNames: {
        parameters: {
            query?: {
                /** @description Only what contains this, in capitals or not. */
                search?: string;
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventNamesAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listProperties: {
        parameters: {
            query?: {
                /** @description Only events of exactly this name. */
                event?: string;
            };
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PropertiesAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listPropertyValues: {
        parameters: {
            query: {
                /** @description Name of a property of events. */
                property: string;
                /** @description Only events of exactly this name. */
                event?: string;
                /** @description Only what contains this, in capitals or not. */
                search?: string;
            };
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PropertyValuesAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askTrend: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        /** @description How often something happened, over time. At most 2000 intervals. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["TrendQuestion"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["TrendAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askFunnel: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        /** @description How many users went through some steps in order. A user is at step n when the n steps happened one after the other, or at the same time, within the window from the first; one event that fits several steps counts for each of them. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["FunnelQuestion"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FunnelAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askRetention: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        /** @description How many users came back. At most 400 intervals from `from` to `to`. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["RetentionQuestion"];
            };
        };
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RetentionAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    askSql: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        /** @description A question in SQL. */
        requestBody: {
            content: {
                "application/json": components["schemas"]["SqlQuestion"];
            };
        };
        responses: {
            /** @description Rows that answer a question in SQL. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SqlAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    describeTables: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What SQL over the project can name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SqlVocabulary"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listRecordings: {
        parameters: {
            query?: {
                /** @description Only sessions that began then or later. */
                after?: string;
                /** @description Only sessions that began earlier than this. */
                before?: string;
                /** @description Only sessions of exactly this user. */
                distinct_id?: string;
                /** @description `next_cursor` of the page before. */
                cursor?: string;
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["RecordingsAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listSnapshots: {
        parameters: {
            query?: {
                /** @description `next_cursor` of the page before. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the session. */
                session_id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SnapshotsAnswer"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getJourney: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
                /** @description Id of the event. */
                uuid: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Everything that happened to one event. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Journey"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listDeadLetters: {
        parameters: {
            query?: {
                limit?: number;
            };
            header?: never;
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Default Response */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        dead_letters: components["schemas"]["DeadLetter"][];
                        /** @description False when limits or damage left something out. */
                        complete: boolean;
                    };
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getPipeline: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How everything runs. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Pipeline"];
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    followEvents: {
        parameters: {
            query?: {
                /** @description Only events of exactly this name. */
                event?: string;
                /** @description Only events of exactly this user. */
                distinct_id?: string;
                /** @description As the header Last-Event-ID, which counts when both are there. */
                last_id?: string;
            };
            header?: {
                /** @description The last id that the reader got: what came since is sent first. */
                "last-event-id"?: string;
            };
            path: {
                /** @description Number of the project. */
                id: number;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description The request is refused. */
            "4XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot be answered now, or something is broken. */
            "5XX": {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
