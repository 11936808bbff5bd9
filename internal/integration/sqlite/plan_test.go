package sqlite_test

import (
	"strings"
	"testing"
)

// TestStatementsUseTheirIndexes: none looks at every row. The statements are
// those of the package, as far as they choose rows.
func TestStatementsUseTheirIndexes(t *testing.T) {
	db := pool(t, file(t))
	migrated(t, db, nil)
	const from = " FROM retrysafe_operation "
	for query, index := range map[string]string{
		"SELECT *" + from + "WHERE sum=x'00'":                                                                      "retrysafe_operation_sum (sum=?)",
		"UPDATE retrysafe_operation SET state=3 WHERE sum=x'00' AND state=2 AND nonce=x'00'":                       "retrysafe_operation_sum (sum=?)",
		"SELECT scope" + from + "WHERE owner=x'00' AND due<=1 AND kind IN (x'00') ORDER BY due,fence LIMIT 10":     "retrysafe_operation_due (owner=? AND due<?)",
		"SELECT scope" + from + "WHERE owner=x'00' AND due<=1 AND kind NOT IN (x'00') ORDER BY due,fence LIMIT 10": "retrysafe_operation_due (owner=? AND due<?)",
		"SELECT sum" + from + "WHERE purge_at<=1 AND notice IS NULL ORDER BY purge_at LIMIT 10":                    "retrysafe_operation_purge (purge_at<?)",
		"SELECT sum" + from + "WHERE purged=1 AND updated<=1 ORDER BY updated LIMIT 10":                            "retrysafe_operation_forget (updated<?)",
		"SELECT scope" + from + "WHERE sum>x'00' AND state=5 ORDER BY sum LIMIT 10":                                "retrysafe_operation_sum (sum>?)",
		"SELECT at FROM retrysafe_trail WHERE seq=1 ORDER BY entry":                                                "retrysafe_trail_seq (seq=?)",
		"SELECT data FROM retrysafe_bytes WHERE seq=1 AND part=1":                                                  "sqlite_autoindex_retrysafe_bytes_1 (seq=? AND part=?)",
	} {
		rows, err := db.Query("EXPLAIN QUERY PLAN " + query)
		if err != nil {
			t.Fatal(query, err)
		}
		var plan []string
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			plan = append(plan, detail)
		}
		if text := strings.Join(plan, "; "); !strings.Contains(text, index) || strings.Contains(text, "SCAN") || strings.Contains(text, "FOR ORDER BY") && !strings.Contains(text, "LAST TERM") {
			t.Errorf("%s:\n\t%s\n\twant %s", query, text, index)
		}
	}
}
