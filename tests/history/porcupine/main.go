// Judges recorded histories (tests/history/history_file.hpp says how they are kept) with Porcupine, a
// checker that is not ours, over a specification of a directory that is written once more. So a
// mistake in minidfs_check_histories would show.
//
//	porcupine DIR
//
// Exit code 0: every directory is linearizable. 1: one is not. 2: the histories cannot be read.
package main

import (
	"bufio"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

type call struct {
	action string
	name   string
	target string
	value  string
}

// What a directory holds: "name=value" of each file, sorted, with spaces between. Empty: nothing.
type state = string

func read(s state) map[string]string {
	files := map[string]string{}
	for _, entry := range strings.Fields(s) {
		name, value, _ := strings.Cut(entry, "=")
		files[name] = value
	}
	return files
}

func write(files map[string]string) state {
	entries := make([]string, 0, len(files))
	for name, value := range files {
		entries = append(entries, name+"="+value)
	}
	sort.Strings(entries)
	return strings.Join(entries, " ")
}

// The answer of a directory, and its state afterwards.
func answer(s state, c call) (string, state) {
	files := read(s)
	value, there := files[c.name]
	switch c.action {
	case "create":
		if there {
			return "exists", s
		}
		files[c.name] = c.value
	case "overwrite":
		files[c.name] = c.value
	case "remove":
		if !there {
			return "notfound", s
		}
		delete(files, c.name)
	case "rename":
		if !there {
			return "notfound", s
		}
		if _, taken := files[c.target]; taken {
			return "exists", s
		}
		delete(files, c.name)
		files[c.target] = value
	case "stat":
		if !there {
			return "notfound", s
		}
		return "found " + value, s
	case "list":
		return strings.TrimSpace("listed " + s), s
	}
	return "done", write(files)
}

// An unknown outcome is "": the change happens at some time or, as its time has no end, after all
// that is known.
func step(s, input, output interface{}) (bool, interface{}) {
	given, after := answer(s.(state), input.(call))
	return output.(string) == "" || output.(string) == given, after
}

func parseCall(fields []string) (call, bool) {
	c := call{action: fields[0]}
	want := map[string]int{"list": 1, "stat": 2, "remove": 2, "create": 3, "overwrite": 3, "rename": 3}
	if want[c.action] != len(fields) {
		return c, false
	}
	if len(fields) > 1 {
		c.name = fields[1]
	}
	if c.action == "rename" {
		c.target = fields[2]
	} else if len(fields) > 2 {
		c.value = fields[2]
	}
	return c, true
}

func parseAnswer(text string) string {
	word, rest, _ := strings.Cut(text, " ")
	if word == "unknown" {
		return ""
	}
	if word == "listed" {
		return strings.TrimSpace("listed " + write(read(rest)))
	}
	return text
}

type reader struct {
	histories map[string][]porcupine.Operation
	client    int
	open      *porcupine.Operation
	directory string
}

func (r *reader) take(line string) bool {
	fields := strings.Fields(line)
	if len(fields) < 3 {
		return false
	}
	at, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return false
	}
	if fields[0] == ">" && r.open == nil && len(fields) > 3 {
		c, ok := parseCall(fields[3:])
		r.directory = fields[2]
		r.open = &porcupine.Operation{ClientId: r.client, Input: c, Call: at}
		return ok
	}
	if fields[0] != "<" || r.open == nil {
		return false
	}
	r.close(parseAnswer(strings.Join(fields[2:], " ")), at)
	return true
}

func (r *reader) close(output string, at int64) {
	operation := *r.open
	r.open = nil
	operation.Output, operation.Return = output, at
	if output == "" {
		operation.Return = math.MaxInt64
		if action := operation.Input.(call).action; action == "stat" || action == "list" {
			return
		}
	}
	r.histories[r.directory] = append(r.histories[r.directory], operation)
}

func readClient(path string, number int, histories map[string][]porcupine.Operation) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	r := reader{histories: histories, client: number}
	lines := bufio.NewScanner(strings.NewReader(string(text[:strings.LastIndexByte(string(text), '\n')+1])))
	lines.Buffer(nil, 1<<20)
	for i := 1; lines.Scan(); i++ {
		if i == 1 && strings.HasPrefix(lines.Text(), "minidfs-history 1 ") {
			continue
		}
		if i == 1 || !r.take(lines.Text()) {
			return fmt.Errorf("%s:%d: not understood: %s", path, i, lines.Text())
		}
	}
	if r.open != nil {
		r.close("", math.MaxInt64)
	}
	return lines.Err()
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: porcupine DIR")
		os.Exit(2)
	}
	paths, _ := filepath.Glob(filepath.Join(os.Args[1], "client-*"))
	histories := map[string][]porcupine.Operation{}
	for number, path := range paths {
		if err := readClient(path, number, histories); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	model := porcupine.Model{Init: func() interface{} { return "" }, Step: step}
	operations, wrong := 0, 0
	for directory, history := range histories {
		operations += len(history)
		result := porcupine.CheckOperationsTimeout(model, history, time.Minute)
		if result != porcupine.Ok {
			wrong++
			fmt.Printf("%s with %d operations: %s\n", directory, len(history), result)
		}
	}
	fmt.Printf("%d directories, %d operations: %d not linearizable\n", len(histories), operations, wrong)
	if len(histories) == 0 {
		os.Exit(2)
	}
	if wrong > 0 {
		os.Exit(1)
	}
}
