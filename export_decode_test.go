package retrysafe

// What the tests of the recorded request in package retrysafe_test see of the
// inside.

var ErrUnreadable = errUnreadable

// Recorded returns what a store would keep of a request.
func (c Command[Req, Res]) Recorded(client *Client, req Req) ([]byte, error) {
	d := c.declaration()
	k, err := client.contract(&d)
	if err != nil {
		return nil, err
	}
	t := task{call: c.call, id: "order-1234", req: req}
	var r request
	if err := k.fill(&r, client, &t, Operation{Command: c.Name, ID: t.id}); err != nil {
		return nil, err
	}
	return k.write(&r, c.call.Key)
}

// ReadRecorded decodes what Recorded returned into the value that into points to.
func (c Command[Req, Res]) ReadRecorded(client *Client, recorded []byte, into any) error {
	d := c.declaration()
	k, err := client.contract(&d)
	if err != nil {
		return err
	}
	w, err := readWritten(recorded)
	if err != nil {
		return err
	}
	return k.readRequest(w, into)
}

// Differences names what two recorded requests differ in.
func Differences(recorded, own []byte) ([]string, error) {
	a, err := readWritten(recorded)
	if err != nil {
		return nil, err
	}
	b, err := readWritten(own)
	if err != nil {
		return nil, err
	}
	return differences(a, b), nil
}

// ReusedError is the error of a call whose ID stands for another request.
func ReusedError(fields ...string) error { return &reusedError{fields: fields} }
