// Sends events with the published Go SDK: `send-with-go <host> <token> <count>`.
//
// Prints {"captured": n, "errors": [...]}: how many events the SDK says were delivered, and what it could not deliver.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"sync"

	"github.com/posthog/posthog-go"
)

type outcome struct {
	mutex    sync.Mutex
	Captured int      `json:"captured"`
	Errors   []string `json:"errors"`
}

func (o *outcome) Success(posthog.APIMessage) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.Captured++
}

func (o *outcome) Failure(_ posthog.APIMessage, err error) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.Errors = append(o.Errors, err.Error())
}

func main() {
	host, token := os.Args[1], os.Args[2]
	count, err := strconv.Atoi(os.Args[3])
	orExit(err)
	result := &outcome{Errors: []string{}}
	client, err := posthog.NewWithConfig(token, posthog.Config{Endpoint: host, BatchSize: 100, Callback: result})
	orExit(err)
	for number := 0; number < count; number++ {
		orExit(client.Enqueue(posthog.Capture{
			DistinctId: fmt.Sprintf("go-%d", number%100),
			Event:      "from go",
			Properties: posthog.NewProperties().Set("number", number).Set("of", count).Set("text", "Grüße 😀"),
		}))
	}
	orExit(client.Enqueue(posthog.Identify{DistinctId: "go-0", Properties: posthog.NewProperties().Set("plan", "free")}))
	orExit(client.Enqueue(posthog.Alias{DistinctId: "go-0", Alias: "go-zero"}))
	orExit(client.Enqueue(posthog.GroupIdentify{Type: "company", Key: "go-inc", Properties: posthog.NewProperties()}))
	orExit(client.Close())
	orExit(json.NewEncoder(os.Stdout).Encode(result))
}

func orExit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
