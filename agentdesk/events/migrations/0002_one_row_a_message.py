from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.RenameField(model_name="signal", old_name="group", new_name="groups"),
        migrations.AlterField(
            model_name="signal",
            name="groups",
            field=models.CharField(help_text="Whom it is for, separated by spaces", max_length=300),
        ),
    ]
