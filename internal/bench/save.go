package bench

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
)

// Save writes the report into a folder: latest.json, and latest.svg when a figure with a target was measured.
func (r *Report) Save(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(folder, "latest.json"), append(raw, '\n'), 0o644), r.chart(folder))
}
