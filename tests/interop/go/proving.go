// What the files share: steps, and the record of which methods the steps really called.
package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"reflect"
	"runtime"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azruntime "github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

var (
	ctx    = context.Background()
	called = map[string]bool{}
	failed = map[string]bool{}
)

// fatal ends a step.
type fatal struct{ text string }

// step runs one part; what it called counts as proven when nothing failed.
func step(about string, proof func()) {
	called = map[string]bool{}
	defer func() {
		problem := recover()
		if problem == nil {
			for method := range called {
				fmt.Println("ok", method)
			}
			return
		}
		failed[about] = true
		if expected, ours := problem.(fatal); ours {
			fmt.Fprintf(os.Stderr, "FAILED %s: %s\n", about, expected.text)
			return
		}
		panic(problem)
	}()
	proof()
}

// use notes the name of a method of a client, and returns the method: use(client.GetKey)(ctx, ...).
func use[F any](method F) F {
	name := runtime.FuncForPC(reflect.ValueOf(method).Pointer()).Name() // .../azkeys.(*Client).GetKey-fm
	name = strings.TrimSuffix(name[strings.LastIndex(name, "/")+1:], "-fm")
	called[strings.Replace(name, "(*Client)", "Client", 1)] = true
	return method
}

// check ends the step unless the call succeeded.
func check(err error) {
	if err != nil {
		_, file, line, _ := runtime.Caller(2)
		panic(fatal{fmt.Sprintf("%s:%d: %v", file, line, err)})
	}
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func assert(holds bool, what string) {
	if !holds {
		_, file, line, _ := runtime.Caller(1)
		panic(fatal{fmt.Sprintf("%s:%d: not so: %s", file, line, what)})
	}
}

// refused ends the step unless the error is an answer with this status.
func refused(status int, err error) {
	var answer *azcore.ResponseError
	assert(errors.As(err, &answer) && answer.StatusCode == status, fmt.Sprintf("status %d, but %v", status, err))
}

func freshName() string {
	bytes := make([]byte, 6)
	must(rand.Read(bytes))
	return "go-" + hex.EncodeToString(bytes)
}

func to[T any](value T) *T { return &value }

// eventually waits for a condition: a deletion may be complete a moment later.
func eventually(holds func() bool) {
	for end := time.Now().Add(20 * time.Second); !holds(); time.Sleep(50 * time.Millisecond) {
		assert(time.Now().Before(end), "within 20 s")
	}
}

// names of the items on all pages.
func names[P any](pager *azruntime.Pager[P], of func(P) []string) map[string]bool {
	found := map[string]bool{}
	for pager.More() {
		for _, name := range of(must(pager.NextPage(ctx))) {
			found[name] = true
		}
	}
	return found
}

// declare prints each public method of a client.
func declare(prefix string, client any) {
	kind := reflect.TypeOf(client)
	for index := range kind.NumMethod() {
		fmt.Printf("method %s.Client.%s\n", prefix, kind.Method(index).Name)
	}
}
