package main

import "github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"

func proveSecrets(client *azsecrets.Client) {
	declare("azsecrets", client)

	step("secrets: set, get, update and list", func() {
		name := freshName()
		first := must(use(client.SetSecret)(ctx, name, azsecrets.SetSecretParameters{
			Value: to("one"), ContentType: to("text/plain"), Tags: map[string]*string{"a": to("1")}}, nil))
		must(client.SetSecret(ctx, name, azsecrets.SetSecretParameters{Value: to("two")}, nil))
		assert(*must(use(client.GetSecret)(ctx, name, "", nil)).Value == "two", "the newest version")
		old := must(client.GetSecret(ctx, name, first.ID.Version(), nil))
		assert(*old.Value == "one" && *old.ContentType == "text/plain" && *old.Tags["a"] == "1", "the older version")
		must(use(client.UpdateSecretProperties)(ctx, name, first.ID.Version(), azsecrets.UpdateSecretPropertiesParameters{
			SecretAttributes: &azsecrets.SecretAttributes{Enabled: to(false)}}, nil))
		_, err := client.GetSecret(ctx, name, first.ID.Version(), nil)
		refused(403, err)
		listed := names(use(client.NewListSecretPropertiesPager)(nil), func(page azsecrets.ListSecretPropertiesResponse) []string {
			return secretNames(page.Value)
		})
		assert(listed[name], "in the list")
		versions := use(client.NewListSecretPropertiesVersionsPager)(name, nil)
		count := 0
		for versions.More() {
			count += len(must(versions.NextPage(ctx)).Value)
		}
		assert(count == 2, "two versions")
	})

	step("secrets: delete, recover, purge and restore", func() {
		name := freshName()
		must(client.SetSecret(ctx, name, azsecrets.SetSecretParameters{Value: to("one")}, nil))
		backup := must(use(client.BackupSecret)(ctx, name, nil))
		deleteSecret := func() {
			must(use(client.DeleteSecret)(ctx, name, nil))
			eventually(func() bool { _, err := client.GetDeletedSecret(ctx, name, nil); return err == nil })
		}
		deleteSecret()
		assert(must(use(client.GetDeletedSecret)(ctx, name, nil)).RecoveryID != nil, "it has a recovery id")
		deleted := names(use(client.NewListDeletedSecretPropertiesPager)(nil), func(page azsecrets.ListDeletedSecretPropertiesResponse) []string {
			found := []string{}
			for _, item := range page.Value {
				found = append(found, item.ID.Name())
			}
			return found
		})
		assert(deleted[name], "in the list of the deleted")
		must(use(client.RecoverDeletedSecret)(ctx, name, nil))
		eventually(func() bool { _, err := client.GetSecret(ctx, name, "", nil); return err == nil })
		deleteSecret()
		must(use(client.PurgeDeletedSecret)(ctx, name, nil))
		restore := azsecrets.RestoreSecretParameters{SecretBackup: backup.Value}
		eventually(func() bool { _, err := use(client.RestoreSecret)(ctx, restore, nil); return err == nil })
		assert(*must(client.GetSecret(ctx, name, "", nil)).Value == "one", "restored")
	})
}

func secretNames(items []*azsecrets.SecretProperties) []string {
	found := []string{}
	for _, item := range items {
		found = append(found, item.ID.Name())
	}
	return found
}
