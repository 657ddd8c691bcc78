package postgres

import (
	"strings"
	"sync"
	"text/template"
)

// statement is the text of an SQL file, a template of text/template in which {{.Payments.Names}} and the like stand for columns of
// tables (tables.go), and {{if .Has.Refunds}} begins a part that only some calls need. H says which.
type statement[H comparable] struct {
	template *template.Template
	mu       sync.RWMutex
	texts    map[H]string // each made when it is first asked for
}

func newStatement[H comparable](sql string) *statement[H] {
	return &statement[H]{template: template.Must(template.New("").Parse(sql)), texts: map[H]string{}}
}

// text returns the statement with the parts that has names.
func (s *statement[H]) text(has H) string {
	s.mu.RLock()
	text, known := s.texts[has]
	s.mu.RUnlock()
	if known {
		return text
	}
	var b strings.Builder
	err := s.template.Execute(&b, struct {
		statementData
		Has H
	}{statementParts, has})
	if err != nil {
		panic(err) // the template is wrong: nothing else can fail here
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[has] = b.String()
	return s.texts[has]
}
